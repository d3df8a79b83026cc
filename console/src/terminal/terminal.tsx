// Shows a Screen: follows its end, searches in it, and says when each line came.

import { useEffect, useMemo, useState } from 'preact/hooks';

import { useKeys } from '../keyboard.ts';
import { useSettled } from '../loading.ts';
import { Action } from '../parts/basics.tsx';
import { Rows } from '../parts/rows.tsx';
import { localTime, plural } from '../text.ts';
import type { Screen } from './screen.ts';

const LINE_HEIGHT = 18;
const LOOK_MS = 200;
// Nobody looks at more places than that, and one letter is in every line.
const MOST_FOUND = 10000;

function find(screen: Screen, text: string): number[] {
  const found: number[] = [];
  const wanted = text.toLowerCase();
  if (wanted === '') return found;
  for (let row = 0; row < screen.lines.length && found.length < MOST_FOUND; row++) {
    if (screen.textOf(row).toLowerCase().includes(wanted)) found.push(row);
  }
  return found;
}

// `version` changes whenever the screen does.
export function Terminal({ screen, version, onDownload }: { screen: Screen; version: number; onDownload: () => Promise<void> }) {
  const [follows, setFollows] = useState(true);
  const [hasTimes, setHasTimes] = useState(false);
  const [text, setText] = useState('');
  const [place, setPlace] = useState(0);
  // Not for each piece of output: a long one takes a while to be looked through.
  const looked = useSettled(version, LOOK_MS);
  const found = useMemo(() => find(screen, text), [screen, text, looked]);
  const marked = useMemo(() => new Set(found), [found]);
  useEffect(() => setPlace(0), [text]);
  const at = found.length === 0 ? -1 : (found[place % found.length] as number);
  const step = (by: number) => {
    if (found.length === 0) return;
    setFollows(false);
    setPlace((place + by + found.length) % found.length);
  };
  useKeys((key) => {
    if (key === 'e') setFollows(!follows);
    if (key === 'n') step(1);
    if (key === 'N') step(-1);
  });
  const row = (index: number) => {
    const line = screen.lines[index];
    if (line === undefined) return null;
    const name = `${marked.has(index) ? 'found ' : ''}${index === at ? 'here' : ''}`;
    return (
      <div key={index} class={`line ${name}`}>
        {hasTimes && (
          <span class="when">{line.at === 0 || line.isContinued ? '' : localTime(new Date(line.at).toISOString())}</span>
        )}
        {line.isContinued && (
          <span class="when" title="the line goes on">
            ↳
          </span>
        )}
        {line.spans.map((span, number) => (
          <span key={number} class={span.classes}>
            {span.text}
          </span>
        ))}
        {'\n'}
      </div>
    );
  };
  return (
    <section class="terminal" aria-label="Output">
      <div class="bar">
        <input
          type="search"
          data-search
          placeholder="Search the output"
          aria-label="Search the output"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => event.key === 'Enter' && step(event.shiftKey ? -1 : 1)}
        />
        {text !== '' && (
          <span role="status">
            {found.length === 0 ? 'nothing found' : `${(place % found.length) + 1} of ${found.length.toLocaleString()}`}
          </span>
        )}
        <label>
          <input type="checkbox" checked={follows} onChange={() => setFollows(!follows)} /> follow
        </label>
        <label>
          <input type="checkbox" checked={hasTimes} onChange={() => setHasTimes(!hasTimes)} /> times
        </label>
        <span class="quiet">{plural(screen.lines.length, 'line')}</span>
        <Action label="Download" run={onDownload} />
      </div>
      <Rows
        class="screen"
        count={screen.lines.length}
        height={LINE_HEIGHT}
        row={row}
        follows={follows}
        cursor={text === '' ? -1 : at}
        role="log"
        onScroll={(isAtEnd) => !isAtEnd && follows && setFollows(false)}
      />
    </section>
  );
}
