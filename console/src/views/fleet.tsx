// The instances as a table: find some, or mark all that match, and deploy to them.

import { useEffect, useMemo, useState } from 'preact/hooks';

import type { Instance, Payload } from '../api/types.ts';
import { keepMarked } from '../draft.ts';
import { lastPayloads, loadInstances } from '../fleet.ts';
import { useLoaded, useSettled } from '../loading.ts';
import { Choice, Field, Heading, Shown, Status, Text, Time } from '../parts/basics.tsx';
import { Table, type Column } from '../parts/table.tsx';
import type { Window } from '../parts/rows.tsx';
import { go, link, setQuery } from '../route.ts';
import { endpoint, plural } from '../text.ts';

const STATUSES = ['pending', 'created', 'provisioning', 'ready', 'failed', 'terminated'];
// Larger fleets are loaded again only when somebody asks.
const MOST_FOLLOWED = 2000;

function matches(instance: Instance, words: readonly string[]): boolean {
  const text = `${instance.name}\n${instance.address}\n${instance.id}\n${instance.tags.join('\n')}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

function columnsFor(last: ReadonlyMap<number, Payload | undefined>): readonly Column<Instance>[] {
  return [
    { name: 'Name', width: 'minmax(8rem, 2fr)', cell: (of) => <Text of={of.name} /> },
    { name: 'Address', width: 'minmax(8rem, 1.5fr)', cell: (of) => <Text of={endpoint(of.address, of.port)} />, isMinor: true },
    { name: 'Project', width: 'minmax(5rem, 1fr)', cell: (of) => <Text of={of.project} />, isMinor: true },
    { name: 'Tags', width: 'minmax(6rem, 1.5fr)', cell: (of) => <Text of={of.tags.join(', ')} />, isMinor: true },
    { name: 'Status', width: '8.5rem', cell: (of) => <Status value={of.status} /> },
    {
      name: 'Last payload',
      width: '9rem',
      cell: (of) => {
        const payload = last.get(of.id);
        return payload === undefined ? (
          <span class="quiet">{last.has(of.id) ? 'none' : ''}</span>
        ) : (
          <a href={`#/payloads/${payload.id}`}>
            <Status value={payload.status} />
          </a>
        );
      },
    },
    { name: 'When', width: '11rem', cell: (of) => last.get(of.id) && <Time at={last.get(of.id)?.updated_at} />, isMinor: true },
  ];
}

// What the instances that are seen did last; asked again from time to time.
function useLastPayloads(seen: readonly number[]): ReadonlyMap<number, Payload | undefined> {
  const [all, setAll] = useState<ReadonlyMap<number, Payload | undefined>>(new Map());
  const settled = useSettled(seen, 150);
  const last = useLoaded((signal) => lastPayloads(settled, signal), [settled], 5000);
  useEffect(() => {
    if (last.value) setAll((before) => new Map([...before, ...(last.value as Map<number, Payload | undefined>)].slice(-20000)));
  }, [last.value]);
  return all;
}

type Marks = ReadonlySet<number> | 'all';

function Chosen({
  marks,
  shown,
  selector,
  onClear,
}: {
  marks: Marks;
  shown: readonly Instance[];
  selector: { project: string; tag: string[] } | undefined;
  onClear: () => void;
}) {
  const ids = marks === 'all' ? shown.map((of) => of.id) : [...marks];
  const deploy = () => {
    // What a selector can say stays a selector, in the URL; everything else is a list of ids.
    if (marks === 'all' && selector !== undefined) return go(link('deploy', selector));
    if (ids.length <= 50) return go(link('deploy', { ids: ids.join(',') }));
    keepMarked(ids);
    return go('#/deploy?marked=1');
  };
  return (
    <p class="chosen-bar" role="status">
      {marks === 'all' ? `All ${plural(ids.length, 'instance')} that match` : plural(ids.length, 'instance')}
      <button class="primary" onClick={deploy}>
        Deploy to them
      </button>
      <button onClick={onClear}>Clear</button>
    </p>
  );
}

export function Fleet({ query }: { query: URLSearchParams }) {
  const fields = {
    text: query.get('text') ?? '',
    project: query.get('project') ?? '',
    tag: query.getAll('tag'),
    status: query.get('status') ?? '',
  };
  const [tagText, setTagText] = useState(fields.tag.join(' '));
  const [marks, setMarks] = useState<Marks>(new Set());
  const [window, setWindow] = useState<Window>({ first: 0, last: 0 });
  const change = (part: Partial<typeof fields>) => {
    setQuery({ ...fields, ...part });
    setMarks(new Set());
  };
  const { text, project, tag, status } = useSettled(fields);
  const instances = useLoaded<Instance[]>(
    (signal, show) => loadInstances({ project, tags: tag, status }, signal, show),
    [project, tag, status],
  );
  const all = instances.value ?? [];
  useEffect(() => {
    const isFollowed = instances.isWhole && all.length <= MOST_FOLLOWED;
    const timer = setInterval(() => isFollowed && !document.hidden && instances.reload(), 10000);
    return () => clearInterval(timer);
  }, [all.length, instances.isWhole]);
  const shown = useMemo(() => {
    const words = text
      .toLowerCase()
      .split(/\s+/)
      .filter((word) => word !== '');
    return words.length === 0 ? all : all.filter((of) => matches(of, words));
  }, [all, text]);
  const seen = useMemo(() => shown.slice(window.first, window.last).map((of) => of.id), [shown, window]);
  const last = useLastPayloads(seen);
  const columns = useMemo(() => columnsFor(last), [last]);
  const projects = useMemo(() => [...new Set(all.map((of) => of.project))].sort(), [all]);
  // A list without a project is of every one; a selector without one is for the project 'default'. So it always names one.
  const only = project === '' && projects.length === 1 ? (projects[0] as string) : project;
  const isSelector = text === '' && status === '' && only !== '';
  const mark = (of: Instance) => {
    const next = new Set(marks === 'all' ? shown.map((one) => one.id) : marks);
    if (!next.delete(of.id)) next.add(of.id);
    setMarks(next);
  };
  const isMarked = (of: Instance) => marks === 'all' || marks.has(of.id);
  return (
    <>
      <Heading title="Fleet">
        <span class="quiet" role="status">
          {instances.isWhole ? '' : 'loading, so far '}
          {shown.length === all.length
            ? plural(all.length, 'instance')
            : `${shown.length.toLocaleString()} of ${plural(all.length, 'instance')}`}
        </span>
        <button onClick={instances.reload}>Reload</button>
      </Heading>
      <div class="filters">
        <Field
          label="Find"
          value={fields.text}
          onInput={(value) => change({ text: value })}
          placeholder="name, address, tag or id"
          search
        />
        <Field label="Project" value={fields.project} list="projects" onInput={(value) => change({ project: value })} />
        <datalist id="projects">
          {projects.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
        <Field
          label="Tags (all of them)"
          value={tagText}
          onInput={(value) => {
            setTagText(value);
            change({ tag: value.split(/[\s,]+/).filter((word) => word !== '') });
          }}
        />
        <Choice label="Status" value={fields.status} options={STATUSES} onChange={(value) => change({ status: value })} />
        <button disabled={shown.length === 0 || !instances.isWhole} onClick={() => setMarks('all')}>
          Mark all {shown.length.toLocaleString()} that match
        </button>
      </div>
      {(marks === 'all' || marks.size > 0) && (
        <Chosen
          marks={marks}
          shown={shown}
          selector={isSelector ? { project: only, tag } : undefined}
          onClear={() => setMarks(new Set())}
        />
      )}
      <Shown loaded={instances}>
        {() => (
          <Table
            rows={shown}
            columns={columns}
            href={(of) => `#/instances/${of.id}`}
            isMarked={isMarked}
            onMark={mark}
            onWindow={setWindow}
            empty={all.length === 0 ? 'No instance matches, or there is none.' : 'No instance matches.'}
          />
        )}
      </Shown>
    </>
  );
}
