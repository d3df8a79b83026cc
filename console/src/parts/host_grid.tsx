// Many hosts at a glance: a square for each, in the colour and with the sign of its status.

import { useLayoutEffect, useRef, useState } from 'preact/hooks';

import type { Payload } from '../api/types.ts';
import { signOf } from './basics.tsx';
import { Rows } from './rows.tsx';

const CELL = 26;

export function HostGrid({ payloads }: { payloads: readonly Payload[] }) {
  const box = useRef<HTMLDivElement>(null);
  const [columns, setColumns] = useState(20);
  useLayoutEffect(() => {
    const measure = () => box.current && setColumns(Math.max(1, Math.floor((box.current.clientWidth - 20) / CELL)));
    const observer = new ResizeObserver(measure);
    if (box.current) observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  const row = (index: number) => (
    <div key={index} class="cells" style={{ height: `${CELL}px` }}>
      {payloads.slice(index * columns, (index + 1) * columns).map((payload) => (
        <a
          key={payload.id}
          class={`cell ${payload.status}`}
          href={`#/payloads/${payload.id}`}
          title={`payload ${payload.id}, instance ${payload.instance_id}: ${payload.status}`}
          aria-label={`payload ${payload.id} ${payload.status}`}
        >
          {signOf(payload.status)}
        </a>
      ))}
    </div>
  );
  return (
    <div class="grid" ref={box}>
      <Rows count={Math.ceil(payloads.length / columns)} height={CELL} row={row} />
    </div>
  );
}
