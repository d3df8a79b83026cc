// Whether the server answers. While it does not, this looks for it, and says when it is back: what has failed is asked anew.

import { State } from '../state.ts';

const LOOK_EVERY_MS = 1500;

export const isLost = new State(false);
// Counts how often the connection came back.
export const healed = new State(0);

let looking: ReturnType<typeof setTimeout> | undefined;

async function look(): Promise<void> {
  looking = undefined;
  try {
    const answer = await fetch('/readyz', { cache: 'no-store', signal: AbortSignal.timeout(5000) });
    if (answer.ok) return reached();
  } catch {
    // Not yet.
  }
  if (isLost.value) looking = setTimeout(look, LOOK_EVERY_MS);
}

export function lost(): void {
  isLost.value = true;
  looking ??= setTimeout(look, LOOK_EVERY_MS);
}

export function reached(): void {
  if (!isLost.value) return;
  clearTimeout(looking);
  looking = undefined;
  isLost.value = false;
  healed.value += 1;
}
