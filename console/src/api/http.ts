// Calls of the public HTTP API (docs/http.md) by the session's token.

import { logOut, token } from '../session.ts';
import { lost } from './connection.ts';
import { errorOf, isAbort, unreachable } from './errors.ts';

// The server gives a call up after 60 s (docs/http.md); who has not answered after that does not answer.
const LIMIT_MS = 65000;

// How far the server's clock is ahead of this computer's.
let ahead = 0;

// The time on the server's clock, which all times of the API are of.
export function serverNow(): number {
  return Date.now() + ahead;
}

export type Query = Record<string, string | number | readonly string[] | undefined>;

export interface Call {
  method?: string;
  query?: Query;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
  isStream?: boolean; // It may last for ever.
}

function urlOf(path: string, query: Query = {}): string {
  const fields = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === '') continue;
    for (const one of Array.isArray(value) ? value : [value]) fields.append(name, String(one));
  }
  const text = fields.toString();
  return text === '' ? path : `${path}?${text}`;
}

// What was awaited; whatever goes wrong with it is that the server is not reached, or went away in the middle of its answer.
async function orLost<T>(awaited: Promise<T>): Promise<T> {
  try {
    return await awaited;
  } catch (thrown) {
    if (isAbort(thrown)) throw thrown;
    lost();
    throw unreachable();
  }
}

// The answer, whose status is one of success. A token that does not count ends the session.
export async function send(path: string, call: Call = {}): Promise<Response> {
  const used = token.value;
  const headers: Record<string, string> = { ...call.headers, Authorization: `Bearer ${used}` };
  const request: RequestInit = {
    method: call.method ?? 'GET',
    headers,
    cache: 'no-store',
    credentials: 'omit',
    redirect: 'error',
  };
  const signals = [call.signal, call.isStream ? undefined : AbortSignal.timeout(LIMIT_MS)].filter(
    (signal) => signal !== undefined,
  );
  request.signal = AbortSignal.any(signals);
  if (call.body !== undefined) {
    headers['Content-Type'] = 'application/json';
    request.body = JSON.stringify(call.body);
  }
  const answer = await orLost(fetch(urlOf(path, call.query), request));
  const time = Date.parse(answer.headers.get('Date') ?? '');
  if (!Number.isNaN(time)) ahead = time - Date.now();
  if (answer.ok) return answer;
  const error = errorOf(answer.status, await orLost(answer.text()));
  if (error.isPassing) lost();
  if (answer.status === 401 && used === token.value) logOut(error.message);
  throw error;
}

export async function ask<T>(path: string, call: Call = {}): Promise<T> {
  const answer = await send(path, call);
  return orLost(answer.json());
}

export function get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
  return ask(`/api/v1/${path}`, { ...(query && { query }), signal });
}

export function post<T>(path: string, body: unknown = {}): Promise<T> {
  return ask(`/api/v1/${path}`, { method: 'POST', body });
}

// The pages of a list, one after the other; `name` is the field that holds the rows.
export async function* pages<T>(path: string, name: string, query: Query, signal: AbortSignal): AsyncGenerator<T[]> {
  let next = '';
  do {
    const page = await get<Record<string, unknown>>(path, { page_size: 1000, ...query, page_token: next }, signal);
    yield page[name] as T[];
    next = page.next_page_token as string;
  } while (next !== '');
}
