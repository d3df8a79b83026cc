// A list of the server that may be long: the newest rows, and more of them when somebody asks.

import { useState } from 'preact/hooks';

import type { Query } from '../api/http.ts';
import { get } from '../api/http.ts';
import { toError } from '../api/errors.ts';
import { useLoaded } from '../loading.ts';
import { Problem, Shown } from './basics.tsx';
import { type Column, Table } from './table.tsx';

const PAGE = 200;

interface Page<T> {
  rows: T[];
  next: string;
}

async function load<T>(path: string, name: string, query: Query, next: string, signal?: AbortSignal): Promise<Page<T>> {
  const page = await get<Record<string, unknown>>(path, { page_size: PAGE, ...query, page_token: next }, signal);
  return { rows: page[name] as T[], next: page.next_page_token as string };
}

export function Paged<T extends { id?: number; name?: string }>({
  path,
  name,
  query = {},
  columns,
  href,
  empty,
  every = 10000,
  turn = 0,
  hasKeys = true,
}: {
  path: string;
  name: string;
  query?: Query;
  columns: readonly Column<T>[];
  href?: (of: T) => string;
  empty: string;
  every?: number;
  turn?: number; // Loads again when it changes.
  hasKeys?: boolean;
}) {
  const key = JSON.stringify([path, query, turn]);
  const [more, setMore] = useState<{ key: string; pages: Page<T>[] }>({ key, pages: [] });
  const [error, setError] = useState<Error>();
  const later = more.key === key ? more.pages : [];
  // What follows a page was read when that was: a newer page would leave a gap before it.
  const first = useLoaded((signal) => load<T>(path, name, query, '', signal), [path, query, turn], later.length > 0 ? 0 : every);
  const next = later.at(-1)?.next ?? first.value?.next ?? '';
  const loadMore = async () => {
    try {
      const page = await load<T>(path, name, query, next);
      setMore({ key, pages: [...later, page] });
      setError(undefined);
    } catch (thrown) {
      setError(toError(thrown));
    }
  };
  return (
    <Shown loaded={first}>
      {(page) => {
        const rows = [page, ...later].flatMap((one) => one.rows);
        return (
          <>
            <Table rows={rows} columns={columns} empty={empty} hasKeys={hasKeys} {...(href && { href })} />
            {error && <Problem error={error} />}
            {later.length > 0 && <p class="quiet">As it was; what came since is not here.</p>}
            {next !== '' && (
              <button class="more" onClick={loadMore}>
                Load more
              </button>
            )}
          </>
        );
      }}
    </Shown>
  );
}
