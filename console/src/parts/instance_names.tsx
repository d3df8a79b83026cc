// Names of instances, for lists that have only their ids. They are asked for when they are first seen, many at once.

import { useEffect, useState } from 'preact/hooks';

import { askAll } from '../api/rpc.ts';
import { ApiError } from '../api/errors.ts';
import type { Instance } from '../api/types.ts';
import { token } from '../session.ts';
import { visible } from '../text.ts';

// Names asked for while others are shown go into one request.
const GATHER_MS = 30;
// So many are kept; names change seldom, but they do.
const MOST = 50000;

const names = new Map<number, string>();
const wanted = new Map<number, Set<(name: string) => void>>();
let gathering: ReturnType<typeof setTimeout> | undefined;

// Another token may see other instances.
token.follow(() => {
  names.clear();
  wanted.clear();
});

async function ask(): Promise<void> {
  gathering = undefined;
  const asker = token.value;
  const asked = new Map(wanted);
  wanted.clear();
  const ids = [...asked.keys()];
  const questions = ids.map((id) => ({ method: 'get_instance', params: { instance_id: id } }));
  const answers = await askAll<Instance>(questions).catch(() => []); // Then there are only ids.
  if (token.value !== asker) return;
  if (names.size > MOST) names.clear();
  answers.forEach((answer, at) => {
    const id = ids[at] as number;
    if (answer instanceof ApiError) return;
    names.set(id, answer.name);
    for (const take of asked.get(id) ?? []) take(answer.name);
  });
}

export function learnNames(instances: readonly Instance[]): void {
  for (const { id, name } of instances) names.set(id, name);
}

export function useInstanceName(id: number): string {
  const [name, set] = useState('');
  useEffect(() => {
    const known = names.get(id);
    set(known ?? '');
    if (known !== undefined) return undefined;
    let takers = wanted.get(id);
    if (takers === undefined) wanted.set(id, (takers = new Set()));
    takers.add(set);
    gathering ??= setTimeout(ask, GATHER_MS);
    return () => wanted.get(id)?.delete(set);
  }, [id]);
  return name === '' ? `instance ${id}` : visible(name);
}

export function InstanceName({ id }: { id: number }) {
  const name = useInstanceName(id);
  return (
    <span class="foreign" title={`${name} (instance ${id})`}>
      {name}
    </span>
  );
}
