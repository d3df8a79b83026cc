// Who is logged in: the token, in memory and in sessionStorage, so that it lives as long as the tab. It is never in a URL.

import { State } from './state.ts';

const KEY = 'longshore-token';

function stored(): string {
  try {
    return sessionStorage.getItem(KEY) ?? '';
  } catch {
    return ''; // A browser that keeps nothing.
  }
}

export const token = new State<string>(stored());
// Why the last session ended, in the server's words; empty when nobody was sent away.
export const ended = new State<string>('');

function keep(value: string): void {
  try {
    if (value === '') sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, value);
  } catch {
    // It is in memory all the same.
  }
  token.value = value;
}

export function logIn(value: string): void {
  ended.value = '';
  keep(value);
}

export function logOut(why = ''): void {
  ended.value = why;
  keep('');
}
