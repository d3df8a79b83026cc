// Whether the server answers. While it does not, this looks for it, and says when it is back: what has failed is asked anew.

import { State } from '../state.ts';

const LOOK_FROM_MS = 1500;
const LOOK_UP_TO_MS = 15000;
// A connection that is lost again so soon was not healed: /readyz answers, and something else does not.
const STEADY_MS = 20000;

export const isLost = new State(false);
// Counts how often the connection came back.
export const healed = new State(0);

let looking: ReturnType<typeof setTimeout> | undefined;
let wait = LOOK_FROM_MS;
let lastHealed = -Infinity;

async function look(): Promise<void> {
  looking = undefined;
  try {
    const answer = await fetch('/readyz', { cache: 'no-store', signal: AbortSignal.timeout(5000) });
    if (answer.ok) {
      lastHealed = performance.now();
      isLost.value = false;
      healed.value += 1;
      return;
    }
  } catch {
    // Not yet.
  }
  looking = setTimeout(look, wait);
}

export function lost(): void {
  isLost.value = true;
  if (looking !== undefined) return;
  wait = performance.now() - lastHealed < STEADY_MS ? Math.min(LOOK_UP_TO_MS, wait * 2) : LOOK_FROM_MS;
  looking = setTimeout(look, wait);
}
