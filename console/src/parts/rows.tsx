// Long lists, of which only the rows that are seen are in the page: 20,000 rows cost what 40 do.

import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

// Rows beyond the edges, so that scrolling shows no gap.
const BEYOND = 10;
// Browsers do not make elements higher than some 17 million pixels; a longer list is scrolled through faster than its rows are.
const MOST_PIXELS = 15_000_000;

export interface Window {
  first: number;
  last: number;
}

export interface RowsProps {
  count: number;
  height: number; // Of a row, in pixels.
  row: (index: number) => ComponentChildren;
  cursor?: number; // This row is kept in sight; -1 is none.
  follows?: boolean; // The end is kept in sight.
  onWindow?: (window: Window) => void;
  onScroll?: (isAtEnd: boolean) => void;
  class?: string;
  role?: 'rowgroup' | 'group' | 'log';
}

export function Rows({
  count,
  height,
  row,
  cursor = -1,
  follows = false,
  onWindow,
  onScroll,
  class: name = '',
  role,
}: RowsProps) {
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 600 });
  const full = count * height;
  const pixels = Math.min(full, MOST_PIXELS);
  // Where the list lies under what is seen: the same, until it is longer than an element can be.
  const scale = pixels > view.height ? (full - view.height) / (pixels - view.height) : 1;
  const top = view.top * scale;
  const first = Math.max(0, Math.floor(top / height) - BEYOND);
  const last = Math.min(count, Math.ceil((top + view.height) / height) + BEYOND);

  const measure = () => {
    const element = box.current;
    if (element === null) return;
    const next = { top: element.scrollTop, height: element.clientHeight };
    setView((before) => (before.top === next.top && before.height === next.height ? before : next));
  };
  useLayoutEffect(() => {
    measure();
    const observer = new ResizeObserver(measure);
    if (box.current) observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  useEffect(() => onWindow?.({ first, last }), [first, last]);
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null || cursor < 0) return;
    const at = cursor * height;
    if (at < top) element.scrollTop = at / scale;
    else if (at + height > top + element.clientHeight) element.scrollTop = (at + height - element.clientHeight) / scale;
    measure();
  }, [cursor]);
  useLayoutEffect(() => {
    if (follows && box.current) {
      box.current.scrollTop = pixels;
      measure();
    }
  }, [follows, count]);

  const scrolled = () => {
    measure();
    const element = box.current;
    if (element) onScroll?.(element.scrollTop + element.clientHeight >= element.scrollHeight - height);
  };
  const shown = [];
  for (let index = first; index < last; index++) shown.push(row(index));
  return (
    <div class={`rows ${name}`} ref={box} onScroll={scrolled} tabIndex={0} {...(role && { role })}>
      <div class="spacer" style={{ height: `${pixels}px` }}>
        <div class="shown" style={{ transform: `translateY(${first * height - top + view.top}px)` }}>
          {shown}
        </div>
      </div>
    </div>
  );
}
