// A table of which only the rows that are seen are in the page; `columns` say what is in a row.

import type { ComponentChildren } from 'preact';

import { go } from '../route.ts';
import { useCursor } from '../keyboard.ts';
import { Rows, type Window } from './rows.tsx';

export const ROW_HEIGHT = 34;

export interface Column<T> {
  name: string;
  width: string; // Of a CSS grid.
  cell: (of: T) => ComponentChildren;
  isMinor?: boolean; // Left out where there is no room.
}

interface TableProps<T extends { id?: number; name?: string }> {
  rows: readonly T[];
  columns: readonly Column<T>[];
  href?: (of: T) => string;
  empty: string;
  isMarked?: (of: T) => boolean;
  onMark?: (of: T) => void;
  onWindow?: (window: Window) => void;
  hasKeys?: boolean; // 'j' and 'k' go through it; one table of a view has them.
}

export function Table<T extends { id?: number; name?: string }>(props: TableProps<T>) {
  const { rows, columns, href, isMarked, onMark, onWindow, hasKeys = true } = props;
  const cursor = useCursor(
    hasKeys ? rows.length : 0,
    (at) => {
      const of = rows[at];
      if (of !== undefined && href !== undefined) go(href(of));
    },
    (at) => {
      const of = rows[at];
      if (of !== undefined) onMark?.(of);
    },
  );
  const template = (onMark ? ['2rem'] : []).concat(columns.map((column) => column.width)).join(' ');
  const narrow = (onMark ? ['1.5rem'] : [])
    .concat(columns.filter((column) => !column.isMinor).map(() => 'minmax(0, 1fr)'))
    .join(' ');
  const grid = { '--columns': template, '--narrow-columns': narrow };
  const row = (index: number) => {
    const of = rows[index];
    if (of === undefined) return null;
    const name = `${index === cursor ? 'cursor ' : ''}${isMarked?.(of) ? 'marked' : ''}`;
    return (
      <div
        key={of.id ?? of.name}
        class={`row ${name}`}
        role="row"
        aria-rowindex={index + 2}
        aria-current={index === cursor}
        style={{ height: `${ROW_HEIGHT}px` }}
      >
        {onMark && (
          <div role="cell">
            <input
              type="checkbox"
              aria-label={`mark ${of.name ?? of.id}`}
              checked={isMarked?.(of) ?? false}
              onChange={() => onMark(of)}
            />
          </div>
        )}
        {columns.map((column, at) => (
          <div key={column.name} role="cell" class={column.isMinor ? 'minor' : ''}>
            {at === 0 && href ? <a href={href(of)}>{column.cell(of)}</a> : column.cell(of)}
          </div>
        ))}
      </div>
    );
  };
  return (
    <div class="table" style={grid} role="table" aria-rowcount={rows.length + 1}>
      <div class="row head" role="row">
        {onMark && <div role="columnheader" />}
        {columns.map((column) => (
          <div key={column.name} role="columnheader" class={column.isMinor ? 'minor' : ''}>
            {column.name}
          </div>
        ))}
      </div>
      {rows.length === 0 ? (
        <p class="empty">{props.empty}</p>
      ) : (
        <Rows count={rows.length} height={ROW_HEIGHT} row={row} cursor={cursor} role="rowgroup" {...(onWindow && { onWindow })} />
      )}
    </div>
  );
}
