// Failed payloads that failed alike: by their reason, and by the last line that they printed, or their error.

import { useEffect, useMemo, useRef, useState } from 'preact/hooks';

import type { Payload } from '../api/types.ts';
import { lastLineOf, learnLastLines } from '../last_lines.ts';
import { plural, visible, words } from '../text.ts';
import { InstanceName } from './instance_names.tsx';

// More groups than that tell nobody anything.
const MOST_GROUPS = 20;
const MOST_NAMES = 8;
// How often new failures are looked for.
const LOOK_MS = 1000;

interface Group {
  key: string;
  reason: string;
  line: string;
  payloads: Payload[];
}

// Numbers in the errors of unlike hosts make them unlike; what a script prints is taken as it is.
function lineOf(payload: Payload): string {
  const line = lastLineOf(payload);
  return line === undefined || line === '' ? visible(payload.error) : line;
}

function group(failed: readonly Payload[]): Group[] {
  const groups = new Map<string, Group>();
  for (const payload of failed) {
    const reason = payload.failure_reason ?? 'unknown';
    const line = lineOf(payload);
    const key = `${reason}\n${line}`;
    const found = groups.get(key);
    if (found) found.payloads.push(payload);
    else groups.set(key, { key, reason, line, payloads: [payload] });
  }
  return [...groups.values()].sort((one, other) => other.payloads.length - one.payloads.length);
}

export function FailureGroups({ failed }: { failed: readonly Payload[] }) {
  const [learned, setLearned] = useState(0);
  const newest = useRef(failed);
  newest.current = failed;
  useEffect(() => {
    let isOver = false;
    // One question after the other, whatever comes meanwhile.
    const learn = async () => {
      const some = await learnLastLines(newest.current).catch(() => 0);
      if (isOver) return;
      if (some > 0) setLearned((before) => before + 1);
      timer = setTimeout(learn, some > 0 ? 0 : LOOK_MS);
    };
    let timer = setTimeout(learn, 0);
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, []);
  const groups = useMemo(() => group(failed), [failed, learned]);
  return (
    <section class="groups" aria-label="Failures">
      <h2>Failures</h2>
      {groups.slice(0, MOST_GROUPS).map((one) => (
        <details key={one.key} class="group">
          <summary>
            <b>{one.payloads.length.toLocaleString()}</b> <span class="status failed">✗ {words(one.reason)}</span>{' '}
            <code>{one.line}</code>
          </summary>
          <p>
            {one.payloads.slice(0, MOST_NAMES).map((payload) => (
              <a key={payload.id} class="chip" href={`#/payloads/${payload.id}`}>
                <InstanceName id={payload.instance_id} />
              </a>
            ))}
            {one.payloads.length > MOST_NAMES && (
              <span class="quiet">and {plural(one.payloads.length - MOST_NAMES, 'other')}</span>
            )}
          </p>
        </details>
      ))}
      {groups.length > MOST_GROUPS && <p class="quiet">and {plural(groups.length - MOST_GROUPS, 'other group')}</p>}
    </section>
  );
}
