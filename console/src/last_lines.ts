// The last line that each failed payload printed, to tell failures apart by.

import { askAll } from './api/rpc.ts';
import { ApiError } from './api/errors.ts';
import type { Payload } from './api/types.ts';
import { fromBase64, visible } from './text.ts';

// Where the last line is looked for.
const TAIL_BYTES = 400;

// Lines by payload and attempt; both belong together, for a retry prints anew.
const known = new Map<string, string>();
const MOST_KNOWN = 50000;

function keyOf(payload: Payload): string {
  return `${payload.id} ${payload.attempt}`;
}

export function lastLineOf(payload: Payload): string | undefined {
  return payload.output_bytes === 0 ? '' : known.get(keyOf(payload));
}

function lastLine(data: Uint8Array): string {
  const lines = new TextDecoder()
    .decode(data)
    .replace(/\u001b\[[0-9;:]*m/g, '')
    .split('\n');
  return visible(lines.findLast((line) => line.trim() !== '')?.trim() ?? '').slice(0, 200);
}

// Learns those that are not known yet; returns whether there were any.
export async function learnLastLines(payloads: readonly Payload[], signal: AbortSignal): Promise<boolean> {
  const unknown = payloads.filter((payload) => lastLineOf(payload) === undefined);
  if (unknown.length === 0) return false;
  const questions = unknown.map((payload) => ({
    method: 'read_payload_output',
    params: { payload_id: payload.id, offset: Math.max(0, payload.output_bytes - TAIL_BYTES), length: TAIL_BYTES },
  }));
  const answers = await askAll<{ data: string }>(questions, signal);
  if (known.size > MOST_KNOWN) known.clear();
  answers.forEach((answer, at) => {
    known.set(keyOf(unknown[at] as Payload), answer instanceof ApiError ? '' : lastLine(fromBase64(answer.data)));
  });
  return true;
}
