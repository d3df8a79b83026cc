// The small things that every view is made of.

import type { ComponentChildren } from 'preact';
import { useRef, useState } from 'preact/hooks';

import type { Loaded } from '../loading.ts';
import { ApiError, toError } from '../api/errors.ts';
import { localTime, visible, words } from '../text.ts';

// A sign as well as a colour: not everybody tells colours apart.
const SIGNS: Record<string, string> = {
  pending: '○',
  transferred: '◐',
  executing: '▶',
  running: '▶',
  provisioning: '▶',
  created: '◐',
  completed: '✓',
  ready: '✓',
  failed: '✗',
  cancelled: '⊘',
  terminated: '⊘',
  expired: '⊘',
  revoked: '⊘',
  active: '✓',
  connected: '✓',
  away: '✗',
};

export function Status({ value }: { value: string }) {
  return (
    <span class={`status ${value}`}>
      <span aria-hidden="true">{SIGNS[value] ?? '·'}</span> {words(value)}
    </span>
  );
}

export function signOf(status: string): string {
  return SIGNS[status] ?? '·';
}

export function Time({ at }: { at: string | undefined }) {
  if (at === undefined) return <span class="quiet">–</span>;
  return (
    <time dateTime={at} title={`${at} (${new Date(at).toString()})`}>
      {localTime(at)}
    </time>
  );
}

// Foreign text, in one line.
export function Text({ of }: { of: string }) {
  return (
    <span class="foreign" title={visible(of)}>
      {visible(of)}
    </span>
  );
}

export function Problem({ error }: { error: Error }) {
  const known = error instanceof ApiError ? error.reason || error.code : '';
  return (
    <p class="problem" role="alert">
      {visible(error.message)}
      {known !== '' && <span class="quiet"> {known}</span>}
    </p>
  );
}

// What was loaded, or why it was not. An error does not hide what is known from before.
export function Shown<T>({ loaded, children }: { loaded: Loaded<T>; children: (value: T) => ComponentChildren }) {
  return (
    <>
      {loaded.error && <Problem error={loaded.error} />}
      {loaded.value !== undefined && children(loaded.value)}
      {loaded.value === undefined && loaded.isSlow && (
        <p class="quiet" role="status">
          Loading…
        </p>
      )}
    </>
  );
}

// Whoever presses twice, or holds Enter, has not read the question.
const SETTLE_MS = 400;

function focus(element: HTMLElement | null): void {
  element?.focus();
}

// A button whose work takes a while; what goes wrong is said beside it.
export function Action({
  label,
  run,
  danger = false,
  disabled = false,
  confirm,
}: {
  label: string;
  run: () => Promise<void>;
  danger?: boolean;
  disabled?: boolean;
  confirm?: string;
}) {
  const [state, set] = useState<'rest' | 'asks' | 'works'>('rest');
  const [error, setError] = useState<Error>();
  const asked = useRef(0);
  const act = async () => {
    set('works');
    setError(undefined);
    try {
      await run();
    } catch (thrown) {
      setError(toError(thrown));
    }
    set('rest');
  };
  if (state === 'asks') {
    return (
      <span class="action" role="group">
        <button key="back" ref={focus} onClick={() => set('rest')}>
          Back
        </button>
        <span>{confirm}</span>
        <button key="confirm" class="danger" onClick={() => performance.now() - asked.current > SETTLE_MS && void act()}>
          {label}
        </button>
      </span>
    );
  }
  const press = () => {
    if (confirm === undefined) return void act();
    asked.current = performance.now();
    set('asks');
  };
  return (
    <span class="action">
      <button key="press" class={danger ? 'danger' : ''} disabled={disabled || state === 'works'} onClick={press}>
        {label}
      </button>
      {error && <Problem error={error} />}
    </span>
  );
}

export function Facts({ of }: { of: readonly (readonly [name: string, value: ComponentChildren])[] }) {
  return (
    <dl class="facts">
      {of.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Heading({ title, children }: { title: ComponentChildren; children?: ComponentChildren }) {
  return (
    <header class="heading">
      <h1>{title}</h1>
      <div class="actions">{children}</div>
    </header>
  );
}

export function Choice({
  label,
  value,
  options,
  onChange,
}: {
  label: string;
  value: string;
  options: readonly string[];
  onChange: (value: string) => void;
}) {
  return (
    <label class="field">
      <span>{label}</span>
      <select value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        <option value="">any</option>
        {options.map((option) => (
          <option key={option} value={option}>
            {words(option)}
          </option>
        ))}
      </select>
    </label>
  );
}

export function Field({
  label,
  value,
  onInput,
  search = false,
  ...rest
}: {
  label: string;
  value: string;
  onInput: (value: string) => void;
  search?: boolean;
  placeholder?: string;
  list?: string;
  type?: string;
  min?: number;
  max?: number;
  size?: number;
  disabled?: boolean;
}) {
  return (
    <label class="field">
      <span>{label}</span>
      <input
        {...rest}
        value={value}
        autocomplete="off"
        spellcheck={false}
        {...(search && { 'data-search': '' })}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
    </label>
  );
}
