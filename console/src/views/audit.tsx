// Who changed what, and who was refused.

import { useState } from 'preact/hooks';

import type { AuditEvent } from '../api/types.ts';
import { useSettled } from '../loading.ts';
import { Field, Heading, Text, Time } from '../parts/basics.tsx';
import { Paged } from '../parts/paged.tsx';
import type { Column } from '../parts/table.tsx';
import { setQuery } from '../route.ts';

const COLUMNS: readonly Column<AuditEvent>[] = [
  { name: 'Time', width: '12rem', cell: (of) => <Time at={of.time} /> },
  {
    name: 'Who',
    width: 'minmax(7rem, 1fr)',
    cell: (of) => (of.principal === '' ? <span class="quiet">nobody</span> : <Text of={of.principal} />),
  },
  { name: 'Method', width: 'minmax(12rem, 2fr)', cell: (of) => <Text of={of.method} /> },
  {
    name: 'Answer',
    width: 'minmax(9rem, 1fr)',
    cell: (of) =>
      of.code === 'OK' ? (
        'OK'
      ) : (
        <span class="refused">
          <Text of={of.reason === '' ? of.code : of.reason} />
        </span>
      ),
  },
  { name: 'Project', width: 'minmax(6rem, 1fr)', cell: (of) => <Text of={of.project} />, isMinor: true },
  { name: 'Ids', width: 'minmax(6rem, 1fr)', cell: (of) => <Text of={of.ids.join(', ')} />, isMinor: true },
  { name: 'From', width: 'minmax(9rem, 1fr)', cell: (of) => <Text of={of.peer} />, isMinor: true },
];

// What a field for a local time has, as the API writes it.
function toTime(local: string): string {
  const time = new Date(local);
  return local === '' || Number.isNaN(time.getTime()) ? '' : time.toISOString();
}

export function Audit({ query }: { query: URLSearchParams }) {
  const [fields, setFields] = useState({
    principal: query.get('principal') ?? '',
    project: query.get('project') ?? '',
    from: query.get('from') ?? '',
    to: query.get('to') ?? '',
  });
  const change = (part: Partial<typeof fields>) => {
    const next = { ...fields, ...part };
    setFields(next);
    setQuery(next);
  };
  const { principal, project, from, to } = useSettled(fields);
  return (
    <>
      <Heading title="Audit" />
      <div class="filters">
        <Field label="Who" value={fields.principal} onInput={(value) => change({ principal: value })} search />
        <Field label="Project" value={fields.project} onInput={(value) => change({ project: value })} />
        <Field label="From" type="datetime-local" value={fields.from} onInput={(value) => change({ from: value })} />
        <Field label="To" type="datetime-local" value={fields.to} onInput={(value) => change({ to: value })} />
      </div>
      <Paged<AuditEvent>
        path="audit"
        name="events"
        query={{ principal, project, from: toTime(from), to: toTime(to) }}
        columns={COLUMNS}
        empty="No event matches."
      />
    </>
  );
}
