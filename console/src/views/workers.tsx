// The workers, and what each has in hand.

import { get, serverNow } from '../api/http.ts';
import type { Worker } from '../api/types.ts';
import { useLoaded } from '../loading.ts';
import { Heading, Status, Text, Time } from '../parts/basics.tsx';
import { Paged } from '../parts/paged.tsx';
import type { Column } from '../parts/table.tsx';

// A worker that was not heard of for so long has no lease any more (docs/operations.md).
export const AWAY_MS = 30000;

const COLUMNS: readonly Column<Worker>[] = [
  { name: 'Name', width: 'minmax(8rem, 2fr)', cell: (of) => <Text of={of.name} /> },
  {
    name: 'Status',
    width: '8rem',
    cell: (of) => <Status value={serverNow() - Date.parse(of.seen_at) < AWAY_MS ? 'connected' : 'away'} />,
  },
  { name: 'In hand', width: '8rem', cell: (of) => `${of.running} of ${of.capacity}` },
  { name: 'Pool', width: '8rem', cell: (of) => <Text of={of.pool} /> },
  { name: 'Version', width: '7rem', cell: (of) => <Text of={of.version} />, isMinor: true },
  { name: 'Seen', width: '12rem', cell: (of) => <Time at={of.seen_at} /> },
  { name: 'Connected', width: '12rem', cell: (of) => <Time at={of.connected_at} />, isMinor: true },
];

// Pools of which no worker is there, although they have instances.
function Lacking() {
  const lacking = useLoaded(
    async (signal) => (await get<{ pools_without_worker: string[] }>('workers', { page_size: 1 }, signal)).pools_without_worker,
    [],
    5000,
  );
  return (
    <>
      {lacking.value?.map((pool) => (
        <p key={pool} class="problem" role="status">
          No worker of the pool <Text of={pool} /> is connected: what is for its instances waits.
        </p>
      ))}
    </>
  );
}

export function Workers() {
  return (
    <>
      <Heading title="Workers" />
      <Lacking />
      <Paged<Worker> path="workers" name="workers" columns={COLUMNS} every={5000} empty="No worker has ever connected." />
    </>
  );
}
