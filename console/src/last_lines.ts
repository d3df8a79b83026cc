// The last line that each failed payload printed, to tell failures apart by.

import { askAll } from './api/rpc.ts';
import { ApiError } from './api/errors.ts';
import type { Payload } from './api/types.ts';
import { token } from './session.ts';
import { fromBase64, visible } from './text.ts';

// One request.
const MOST_AT_ONCE = 100;
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

token.follow(() => known.clear());

// Learns up to MOST_AT_ONCE of those that are not known yet; returns how many it has learned.
export async function learnLastLines(payloads: readonly Payload[]): Promise<number> {
  const unknown = payloads.filter((payload) => lastLineOf(payload) === undefined).slice(0, MOST_AT_ONCE);
  if (unknown.length === 0) return 0;
  const asker = token.value;
  const questions = unknown.map((payload) => ({
    method: 'read_payload_output',
    params: { payload_id: payload.id, offset: Math.max(0, payload.output_bytes - TAIL_BYTES), length: TAIL_BYTES },
  }));
  const answers = await askAll<{ data: string }>(questions);
  if (token.value !== asker) return 0;
  if (known.size > MOST_KNOWN) known.clear();
  let learned = 0;
  answers.forEach((answer, at) => {
    // One that the server had no time for is asked again.
    if (answer instanceof ApiError && (answer.code === 'UNAVAILABLE' || answer.isBusy)) return;
    learned += 1;
    known.set(keyOf(unknown[at] as Payload), answer instanceof ApiError ? '' : lastLine(fromBase64(answer.data)));
  });
  return learned;
}
