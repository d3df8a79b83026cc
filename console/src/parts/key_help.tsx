// The keys of the console, on '?'.

import { useEffect, useRef } from 'preact/hooks';

import { GO_TO } from '../keyboard.ts';

const KEYS = [
  ['/', 'search'],
  ['Esc', 'leave a field'],
  ['j  k', 'down, up in a list'],
  ['Enter', 'open'],
  ['x', 'mark an instance'],
  ['n  N', 'next, previous place found in an output'],
  ['e', 'follow the end of an output'],
  ['?', 'this help'],
] as const;

export function KeyHelp({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (isOpen && !dialog.current?.open) dialog.current?.showModal();
    if (!isOpen) dialog.current?.close();
  }, [isOpen]);
  const places = Object.entries(GO_TO).map(([key, [, name]]) => [`g ${key}`, name] as const);
  return (
    <dialog ref={dialog} onClose={onClose} aria-label="Keys">
      <h2>Keys</h2>
      <dl class="keys">
        {[...KEYS, ...places].map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <button onClick={onClose}>Close</button>
    </dialog>
  );
}
