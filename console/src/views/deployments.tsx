// The deployments, the newest first.

import type { Deployment, PayloadCounts } from '../api/types.ts';
import { PAYLOAD_STATUSES } from '../api/types.ts';
import { Field, Heading, Text, Time } from '../parts/basics.tsx';
import { Paged } from '../parts/paged.tsx';
import type { Column } from '../parts/table.tsx';
import { useSettled } from '../loading.ts';
import { setQuery } from '../route.ts';
import { plural } from '../text.ts';

export function Progress({ counts }: { counts: PayloadCounts }) {
  const said = PAYLOAD_STATUSES.filter((status) => counts[status] > 0)
    .map((status) => `${counts[status]} ${status}`)
    .join(', ');
  return (
    <span class="progress" role="img" aria-label={`${counts.total} hosts: ${said}`} title={said}>
      {[...PAYLOAD_STATUSES]
        .reverse()
        .map(
          (status) => counts[status] > 0 && <span key={status} class={`part ${status}`} style={{ flexGrow: counts[status] }} />,
        )}
    </span>
  );
}

// What it was asked to do, in a few words.
export function scriptOf(of: Deployment): string {
  if (of.request?.payload_path) return of.request.payload_path;
  return of.request?.remote_path || `script ${of.script_sha256.slice(0, 12)}`;
}

export const DEPLOYMENT_COLUMNS: readonly Column<Deployment>[] = [
  { name: 'Deployment', width: '6.5rem', cell: (of) => of.id },
  { name: 'Script', width: 'minmax(8rem, 2fr)', cell: (of) => <Text of={scriptOf(of)} /> },
  { name: 'Hosts', width: '6rem', cell: (of) => of.counts.total.toLocaleString(), isMinor: true },
  { name: 'Progress', width: 'minmax(6rem, 2fr)', cell: (of) => <Progress counts={of.counts} /> },
  {
    name: 'Failed',
    width: '5rem',
    cell: (of) => (of.counts.failed === 0 ? '' : <span class="status failed">✗ {of.counts.failed}</span>),
  },
  { name: 'When', width: '12rem', cell: (of) => <Time at={of.created_at} />, isMinor: true },
];

export function Deployments({ query }: { query: URLSearchParams }) {
  const project = query.get('project') ?? '';
  const settled = useSettled(project);
  return (
    <>
      <Heading title="Deployments">
        <a class="button primary" href="#/deploy">
          New deployment
        </a>
      </Heading>
      <div class="filters">
        <Field label="Project" value={project} onInput={(value) => setQuery({ project: value })} search />
      </div>
      <Paged<Deployment>
        path="deployments"
        name="deployments"
        query={{ project: settled }}
        columns={DEPLOYMENT_COLUMNS}
        every={5000}
        href={(of) => `#/deployments/${of.id}`}
        empty="Nothing was deployed yet."
      />
    </>
  );
}

export function countsIn(counts: PayloadCounts): string {
  const open = counts.pending + counts.transferred + counts.executing;
  return open === 0
    ? `${plural(counts.total, 'host')}, all done`
    : `${plural(open, 'host')} of ${counts.total.toLocaleString()} to go`;
}
