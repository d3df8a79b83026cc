// What somebody wants to deploy, as they have typed it, and the request that it makes.

import type { DeployRequest, Rollout } from './api/types.ts';
import { toBase64 } from './text.ts';

export interface Draft {
  source: 'editor' | 'file' | 'path';
  text: string;
  file: { name: string; content: Uint8Array } | undefined;
  path: string;
  ids: readonly number[]; // Instead of project and tags, when there are some.
  project: string;
  tags: readonly string[];
  remotePath: string;
  executes: boolean;
  timeout: string; // As typed; empty is the server's default.
  maxConcurrency: string; // "10" or "20%".
  maxErrors: string;
  waves: string; // "1, 5%, 25%".
  between: 'nothing' | 'time' | 'resume'; // Waves.
  pause: string; // Seconds.
}

export const EMPTY_DRAFT: Draft = {
  source: 'editor',
  text: '',
  file: undefined,
  path: '',
  ids: [],
  project: '',
  tags: [],
  remotePath: '',
  executes: true,
  timeout: '',
  maxConcurrency: '',
  maxErrors: '',
  waves: '',
  between: 'nothing',
  pause: '600',
};

// The script, where this page has it; a path is the server's to read.
export function contentOf(draft: Draft): Uint8Array | undefined {
  if (draft.source === 'editor') return new TextEncoder().encode(draft.text);
  return draft.source === 'file' ? draft.file?.content : undefined;
}

// A number of hosts, or a share of them.
interface Amount {
  count?: number;
  percent?: number;
}

// "10" or "20%"; undefined is anything else.
export function amountOf(text: string): Amount | undefined {
  const [, digits, sign] = /^\s*(\d{1,9})\s*(%?)\s*$/.exec(text) ?? [];
  if (Number(digits ?? 0) === 0) return undefined; // No limit is no number at all.
  return sign === '%' ? { percent: Number(digits) } : { count: Number(digits) };
}

function amountsOf(draft: Draft): string[] {
  return [draft.maxConcurrency, draft.maxErrors, ...draft.waves.split(',')]
    .map((text) => text.trim())
    .filter((text) => text !== '');
}

function rolloutOf(draft: Draft): Partial<Rollout> | undefined {
  const rollout: Partial<Rollout> = {};
  const most = amountOf(draft.maxConcurrency);
  if (most?.count) rollout.max_concurrency = most.count;
  if (most?.percent) rollout.max_concurrency_percent = most.percent;
  const errors = amountOf(draft.maxErrors);
  if (errors?.count) rollout.max_errors = errors.count;
  if (errors?.percent) rollout.max_errors_percent = errors.percent;
  const waves = draft.waves.split(',').flatMap((text) => amountOf(text) ?? []);
  if (waves.length > 0) {
    rollout.waves = waves;
    if (draft.between === 'time') rollout.pause = { seconds: Number(draft.pause) };
    if (draft.between === 'resume') rollout.pause = { until_resumed: true };
  }
  return Object.keys(rollout).length === 0 ? undefined : rollout;
}

// Why there is nothing to send yet; the rest is the server's to judge.
export function missing(draft: Draft): string {
  if (draft.source === 'path' ? draft.path === '' : (contentOf(draft)?.length ?? 0) === 0) return 'a script is missing';
  if (draft.ids.length === 0 && draft.project === '' && draft.tags.length === 0) return 'targets are missing: a project or a tag';
  const wrong = amountsOf(draft).find((text) => amountOf(text) === undefined);
  if (wrong !== undefined) return `'${wrong}' is no number of hosts, such as 10, and no share of them, such as 20%`;
  return '';
}

export function requestOf(draft: Draft, requestId: string): DeployRequest {
  const request: DeployRequest = { execute_payload: draft.executes, request_id: requestId };
  const content = contentOf(draft);
  if (content === undefined) request.payload_path = draft.path;
  else request.payload_content = toBase64(content);
  if (draft.ids.length > 0) request.instance_ids = [...draft.ids];
  else request.selector = { project: draft.project, tags: [...draft.tags] };
  if (draft.remotePath !== '') request.remote_path = draft.remotePath;
  if (draft.timeout !== '') request.timeout = Number(draft.timeout);
  const rollout = rolloutOf(draft);
  if (rollout !== undefined) request.rollout = rollout;
  return request;
}

export async function sha256(content: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', content as Uint8Array<ArrayBuffer>);
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
