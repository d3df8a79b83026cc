// What somebody wants to deploy, as they have typed it, and the request that it makes.

import type { DeployRequest } from './api/types.ts';
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
  maxConcurrency: string;
  maxErrors: string;
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
};

// The script, where this page has it; a path is the server's to read.
export function contentOf(draft: Draft): Uint8Array | undefined {
  if (draft.source === 'editor') return new TextEncoder().encode(draft.text);
  return draft.source === 'file' ? draft.file?.content : undefined;
}

// Why there is nothing to send yet; the rest is the server's to judge.
export function missing(draft: Draft): string {
  if (draft.source === 'path' ? draft.path === '' : (contentOf(draft)?.length ?? 0) === 0) return 'a script is missing';
  if (draft.ids.length === 0 && draft.project === '' && draft.tags.length === 0) return 'targets are missing: a project or a tag';
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
  const limits = { max_concurrency: Number(draft.maxConcurrency), max_errors: Number(draft.maxErrors) };
  if (limits.max_concurrency !== 0 || limits.max_errors !== 0) request.rollout = limits;
  return request;
}

export async function sha256(content: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', content as Uint8Array<ArrayBuffer>);
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
