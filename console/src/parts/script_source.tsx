// Where the script of a new deployment comes from: typed here, a file of this computer, or a path on the server.

import { useState } from 'preact/hooks';

import { toError } from '../api/errors.ts';
import type { Draft } from '../deploy_request.ts';
import { bytes, visible } from '../text.ts';
import { Field, Problem } from './basics.tsx';

const SOURCES = [
  ['editor', 'Type it'],
  ['file', 'A file'],
  ['path', 'A path on the server'],
] as const;

// Tab indents, as in any editor; Escape leaves the field (keyboard.ts).
function indent(event: KeyboardEvent): void {
  const field = event.currentTarget as HTMLTextAreaElement;
  if (event.key !== 'Tab' || event.shiftKey) return;
  event.preventDefault();
  field.setRangeText('  ', field.selectionStart, field.selectionEnd, 'end');
  field.dispatchEvent(new Event('input', { bubbles: true }));
}

export function ScriptSource({ draft, change }: { draft: Draft; change: (part: Partial<Draft>) => void }) {
  const [error, setError] = useState<Error>();
  const read = async (file: File | undefined) => {
    setError(undefined);
    try {
      change({ file: file && { name: file.name, content: new Uint8Array(await file.arrayBuffer()) } });
    } catch (thrown) {
      setError(toError(thrown));
    }
  };
  return (
    <fieldset>
      <legend>Script</legend>
      <div class="filters" role="radiogroup" aria-label="Where the script is">
        {SOURCES.map(([source, label]) => (
          <label key={source}>
            <input type="radio" name="source" checked={draft.source === source} onChange={() => change({ source })} /> {label}
          </label>
        ))}
      </div>
      {draft.source === 'editor' && (
        <textarea
          class="editor"
          aria-label="Script"
          rows={14}
          spellcheck={false}
          autocomplete="off"
          value={draft.text}
          onKeyDown={indent}
          placeholder={'#!/bin/bash\nset -euo pipefail\n'}
          onInput={(event) => change({ text: event.currentTarget.value })}
        />
      )}
      {draft.source === 'file' && (
        <p>
          <input type="file" aria-label="Script file" onChange={(event) => void read(event.currentTarget.files?.[0])} />
          {draft.file && (
            <span class="quiet">
              {' '}
              {visible(draft.file.name)}, {bytes(draft.file.content.length)}
            </span>
          )}
        </p>
      )}
      {draft.source === 'path' && (
        <Field
          label="Absolute path, beneath one of the server's payload directories"
          value={draft.path}
          size={50}
          onInput={(path) => change({ path })}
          placeholder="/srv/payloads/setup.sh"
        />
      )}
      {error && <Problem error={error} />}
    </fieldset>
  );
}
