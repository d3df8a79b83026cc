// Which instances a deployment would go to now.

import { ApiError } from './api/errors.ts';
import { askAll } from './api/rpc.ts';
import type { Instance } from './api/types.ts';
import type { Draft } from './deploy_request.ts';
import { loadInstances } from './fleet.ts';

// So many of a list of ids are looked up, to show them.
const MOST_LOOKED_UP = 100;

export interface Targets {
  count: number;
  known: readonly Instance[];
  problem: string; // Of ids that are none.
}

const TAKES_NOTHING = ['failed', 'terminated'];

export async function resolveTargets(draft: Pick<Draft, 'ids' | 'project' | 'tags'>, signal: AbortSignal): Promise<Targets> {
  if (draft.ids.length > 0) {
    const questions = draft.ids.slice(0, MOST_LOOKED_UP).map((id) => ({ method: 'get_instance', params: { instance_id: id } }));
    const answers = await askAll<Instance>(questions, signal);
    const unknown = answers.find((answer) => answer instanceof ApiError);
    const known = answers.filter((answer): answer is Instance => !(answer instanceof ApiError));
    return { count: draft.ids.length, known, problem: unknown instanceof ApiError ? unknown.message : '' };
  }
  if (draft.project === '' && draft.tags.length === 0) return { count: 0, known: [], problem: '' };
  // A selector without a project is for the one named default; a list without one is of every project.
  const query = { project: draft.project === '' ? 'default' : draft.project, tags: draft.tags };
  const matching = await loadInstances(query, signal, () => undefined);
  const known = matching.filter((instance) => !TAKES_NOTHING.includes(instance.status));
  return { count: known.length, known, problem: '' };
}
