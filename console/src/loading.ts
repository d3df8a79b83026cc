// What a view loads, with its error, and whether to say that it is still loading.

import { useCallback, useEffect, useRef, useState } from 'preact/hooks';

import { healed } from './api/connection.ts';
import { isAbort, toError } from './api/errors.ts';
import { useValue } from './state.ts';

// Before that nobody notices that something is loading.
const QUIET_MS = 200;

export interface Loaded<T> {
  value: T | undefined;
  error: Error | undefined;
  isSlow: boolean;
  reload(): void;
}

// Loads again when one of `inputs` changes, after the connection was lost, every `every` milliseconds while the page is seen, and
// when it is told to. An old value stays until the new one is there, but for new inputs.
export function useLoaded<T>(
  load: (signal: AbortSignal, show: (part: T) => void) => Promise<T>,
  inputs: readonly unknown[],
  every = 0,
): Loaded<T> {
  const [state, set] = useState<{ value?: T; error?: Error; isSlow: boolean }>({ isSlow: false });
  const [turn, setTurn] = useState(0);
  const healings = useValue(healed);
  const reload = useCallback(() => setTurn((before) => before + 1), []);
  const key = JSON.stringify(inputs);
  const lastKey = useRef('');
  useEffect(() => {
    const abort = new AbortController();
    const isNew = lastKey.current !== key;
    lastKey.current = key;
    if (isNew) set({ isSlow: false });
    const slow = setTimeout(() => set((before) => ({ ...before, isSlow: true })), QUIET_MS);
    const show = (part: T) => {
      if (!abort.signal.aborted && isNew) set((before) => ({ value: part, isSlow: before.isSlow }));
    };
    load(abort.signal, show)
      .then(
        (value) => {
          if (!abort.signal.aborted) set({ value, isSlow: false });
        },
        (thrown) => {
          if (abort.signal.aborted || isAbort(thrown)) return;
          set((before) => ({ ...before, error: toError(thrown), isSlow: false }));
        },
      )
      .finally(() => clearTimeout(slow));
    return () => {
      clearTimeout(slow);
      abort.abort();
    };
  }, [key, turn, healings]);
  useEffect(() => {
    if (every === 0) return undefined;
    const timer = setInterval(() => document.hidden || reload(), every);
    return () => clearInterval(timer);
  }, [every]);
  return { value: state.value, error: state.error, isSlow: state.isSlow, reload };
}

// The value, once it has not changed for a moment: what somebody types.
export function useSettled<T>(value: T, after = 250): T {
  const [settled, set] = useState(value);
  const key = JSON.stringify(value);
  useEffect(() => {
    const timer = setTimeout(() => set(() => value), after);
    return () => clearTimeout(timer);
  }, [key]);
  return settled;
}
