// What somebody has begun and not sent: marked instances on their way from the fleet, when they are too many for a URL, and what
// was typed when the session ended. Another token gets the latter only.

import type { Draft } from './deploy_request.ts';
import { ended, token } from './session.ts';

let marked: readonly number[] = [];
let interrupted: { url: string; draft: Draft } | undefined;

token.follow(() => {
  marked = [];
});

export function keepMarked(ids: readonly number[]): void {
  marked = ids;
}

export function keptMarked(): readonly number[] {
  return marked;
}

// Keeps the draft of the view at `url`, when the session has ended in the middle of it.
export function keepInterrupted(url: string, draft: Draft): void {
  // Who logs out leaves nothing to whoever comes next.
  if (token.value === '' && ended.value !== '') interrupted = { url, draft };
}

// Takes it, where it was kept at the same view.
export function takeInterrupted(url: string): Draft | undefined {
  const kept = interrupted?.url === url ? interrupted.draft : undefined;
  interrupted = undefined;
  return kept;
}
