// Instances: those that match, all of them, and what each did last.

import { pages, type Query } from './api/http.ts';
import { ApiError } from './api/errors.ts';
import { askAll } from './api/rpc.ts';
import type { Instance, Payload } from './api/types.ts';
import { learnNames } from './parts/instance_names.tsx';

// All that match, page after page; `show` gets what has come so far.
export async function loadInstances(
  query: Query,
  signal: AbortSignal,
  show: (instances: Instance[]) => void,
): Promise<Instance[]> {
  let instances: Instance[] = [];
  for await (const page of pages<Instance>('instances', 'instances', query, signal)) {
    learnNames(page);
    instances = instances.concat(page);
    show(instances);
  }
  return instances;
}

// The newest payload of each of the instances, which are those that somebody looks at.
export async function lastPayloads(ids: readonly number[], signal: AbortSignal): Promise<Map<number, Payload | undefined>> {
  const questions = ids.map((id) => ({ method: 'list_instance_payloads', params: { instance_id: id, page_size: 1 } }));
  const answers = await askAll<{ payloads: Payload[] }>(questions, signal);
  const last = new Map<number, Payload | undefined>();
  answers.forEach((answer, at) => {
    if (!(answer instanceof ApiError)) last.set(ids[at] as number, answer.payloads[0]);
  });
  return last;
}
