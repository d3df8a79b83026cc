// Which view the URL names. Views are behind the '#', so that the server has one page, and what is looked at is not in its logs.

import { State, useValue } from './state.ts';

export interface Route {
  path: readonly string[];
  query: URLSearchParams;
  visit: number; // Another one each time that somebody goes to a view, and not when the view changes its own query.
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function parse(hash: string, visit: number): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  return {
    path: path
      .split('/')
      .filter((segment) => segment !== '')
      .map(decode),
    query: new URLSearchParams(query),
    visit,
  };
}

const current = new State(parse(location.hash, 0));
addEventListener('hashchange', () => {
  current.value = parse(location.hash, current.value.visit + 1);
});

export function useRoute(): Route {
  return useValue(current);
}

export type Fields = Record<string, string | readonly string[]>;

// '#/fleet?tag=a&tag=b'; empty fields are left out.
export function link(path: string, fields: Fields = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) {
    for (const one of typeof value === 'string' ? [value] : value) {
      if (one !== '') query.append(name, one);
    }
  }
  const text = query.toString();
  return `#/${path}${text === '' ? '' : `?${text}`}`;
}

export function go(to: string): void {
  location.hash = to.slice(1);
}

// Changes the query of the view that is shown, without a step of the browser's history: each letter of a filter would be one.
export function setQuery(fields: Fields): void {
  const route = current.value;
  const to = link(route.path.map(encodeURIComponent).join('/'), fields);
  if (to === location.hash) return;
  history.replaceState(null, '', to);
  current.value = parse(to, route.visit);
}
