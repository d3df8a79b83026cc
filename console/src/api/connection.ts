// Whether the server answers. While it does not, this looks for it, and says when it is back: what has failed is asked anew.

import { State } from '../state.ts';

const LOOK_FROM_MS = 1500;
const LOOK_UP_TO_MS = 15000;
// A connection that is lost again so soon was not healed: /readyz answers, and something else does not.
const STEADY_MS = 20000;

export const isLost = new State(false);
// Counts how often the connection came back.
export const healed = new State(0);

let isLooking = false;
let wait = LOOK_FROM_MS;
let lastHealed = -Infinity;

async function answers(): Promise<boolean> {
  try {
    const answer = await fetch('/readyz', { cache: 'no-store', signal: AbortSignal.timeout(5000) });
    return answer.ok;
  } catch {
    return false;
  }
}

async function look(): Promise<void> {
  do await new Promise((resolve) => setTimeout(resolve, wait));
  while (!(await answers()));
  isLooking = false;
  lastHealed = performance.now();
  isLost.value = false;
  healed.value += 1;
}

export function lost(): void {
  isLost.value = true;
  if (isLooking) return;
  isLooking = true;
  wait = performance.now() - lastHealed < STEADY_MS ? Math.min(LOOK_UP_TO_MS, wait * 2) : LOOK_FROM_MS;
  void look();
}
