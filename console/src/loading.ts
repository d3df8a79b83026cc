// What a view loads, with its error, and whether to say that it is still loading.

import { useCallback, useEffect, useRef, useState } from 'preact/hooks';

import { healed } from './api/connection.ts';
import { ApiError, toError } from './api/errors.ts';
import { useValue } from './state.ts';

// Before that nobody notices that something is loading.
const QUIET_MS = 200;

export interface Loaded<T> {
  value: T | undefined;
  error: Error | undefined;
  isWhole: boolean; // Nothing of `value` is still to come.
  isSlow: boolean;
  reload(): void;
}

// Loads again when one of `inputs` changes, when the connection is back after it has failed, every `every` milliseconds while the
// page is seen, and when it is told to. An old value stays until the new one is there, but for new inputs.
export function useLoaded<T>(
  load: (signal: AbortSignal, show: (part: T) => void) => Promise<T>,
  inputs: readonly unknown[],
  every = 0,
): Loaded<T> {
  const [state, set] = useState<{ value?: T; error?: Error; isWhole: boolean; isSlow: boolean }>({
    isWhole: false,
    isSlow: false,
  });
  const [turn, setTurn] = useState(0);
  const healings = useValue(healed);
  const reload = useCallback(() => setTurn((before) => before + 1), []);
  const key = JSON.stringify(inputs);
  const lastKey = useRef('');
  const isLoading = useRef(false);
  const hasFailed = useRef(false);
  useEffect(() => {
    if (hasFailed.current) reload();
  }, [healings]);
  useEffect(() => {
    const abort = new AbortController();
    const isNew = lastKey.current !== key;
    lastKey.current = key;
    isLoading.current = true;
    if (isNew) set({ isWhole: false, isSlow: false });
    const slow = setTimeout(() => set((before) => ({ ...before, isSlow: true })), QUIET_MS);
    const show = (part: T) => {
      if (!abort.signal.aborted && isNew) set((before) => ({ value: part, isWhole: false, isSlow: before.isSlow }));
    };
    const take = (next: Parameters<typeof set>[0], failed: boolean) => {
      if (abort.signal.aborted) return;
      isLoading.current = false;
      hasFailed.current = failed;
      set(next);
    };
    load(abort.signal, show)
      .then(
        (value) => take({ value, isWhole: true, isSlow: false }, false),
        (thrown) => {
          if (abort.signal.aborted) return;
          const error = toError(thrown);
          take((before) => ({ ...before, error, isSlow: false }), error instanceof ApiError && error.isPassing);
        },
      )
      .finally(() => clearTimeout(slow));
    return () => {
      clearTimeout(slow);
      abort.abort();
    };
  }, [key, turn]);
  useEffect(() => {
    if (every === 0) return undefined;
    const timer = setInterval(() => document.hidden || isLoading.current || reload(), every);
    return () => clearInterval(timer);
  }, [every]);
  return { value: state.value, error: state.error, isWhole: state.isWhole, isSlow: state.isSlow, reload };
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
