// Keys for all that a mouse does. '?' lists them (parts/key_help.tsx).

import { useEffect, useLayoutEffect, useState } from 'preact/hooks';

import { go } from './route.ts';

export const GO_TO: Record<string, readonly [path: string, name: string]> = {
  o: ['', 'Overview'],
  f: ['fleet', 'Fleet'],
  d: ['deployments', 'Deployments'],
  n: ['deploy', 'New deployment'],
  t: ['tasks', 'Tasks'],
  w: ['workers', 'Workers'],
};

const NOT_TYPED_INTO = ['checkbox', 'radio', 'file'];

function isTyping(target: EventTarget | null): boolean {
  if (target instanceof HTMLInputElement) return !NOT_TYPED_INTO.includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}

// A link or button that has the focus does what it is for.
function isActive(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest('a, button, input, select, summary') !== null;
}

// Calls `onKey` for keys that are not typed into a field, until it is no longer used.
export function useKeys(onKey: (key: string, event: KeyboardEvent) => void): void {
  // At once, so that a key that follows quickly finds what the one before has done.
  useLayoutEffect(() => {
    const take = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (document.querySelector('dialog[open]') !== null) return;
      onKey(event.key, event);
    };
    document.addEventListener('keydown', take);
    return () => document.removeEventListener('keydown', take);
  });
}

// '/' goes to the field to search in, Escape leaves a field, 'g' and a letter goes to a view.
export function useGlobalKeys(onHelp: () => void): void {
  const [waits, setWaits] = useState(false);
  useKeys((key, event) => {
    const place = GO_TO[key];
    if (waits && place !== undefined) go(`#/${place[0]}`);
    setWaits(key === 'g');
    if (key === '?') onHelp();
    const search = document.querySelector<HTMLInputElement>('[data-search]');
    if (key === '/' && search !== null) {
      event.preventDefault();
      search.focus();
      search.select();
    }
  });
  useEffect(() => {
    const leave = (event: KeyboardEvent) => {
      if (event.key === 'Escape' && isTyping(event.target)) (event.target as HTMLElement).blur();
    };
    document.addEventListener('keydown', leave);
    return () => document.removeEventListener('keydown', leave);
  }, []);
}

// The row that 'j' and 'k' have come to; -1 before. Enter opens it, 'x' marks it.
export function useCursor(count: number, onOpen: (row: number) => void, onMark?: (row: number) => void): number {
  const [cursor, set] = useState(-1);
  const at = Math.min(cursor, count - 1);
  useKeys((key, event) => {
    if (key === 'j') set(Math.min(at + 1, count - 1));
    if (key === 'k') set(Math.max(at - 1, 0));
    if (at < 0) return;
    if (key === 'Enter' && !isActive(event.target)) onOpen(at);
    if (key === 'x') onMark?.(at);
  });
  return at;
}
