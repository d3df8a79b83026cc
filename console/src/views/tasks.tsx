// Tasks: the durable work behind deployments and instances.

import { get } from '../api/http.ts';
import type { Task } from '../api/types.ts';
import { useLoaded } from '../loading.ts';
import { Choice, Facts, Heading, Problem, Shown, Status, Text, Time } from '../parts/basics.tsx';
import { InstanceName } from '../parts/instance_names.tsx';
import { Paged } from '../parts/paged.tsx';
import type { Column } from '../parts/table.tsx';
import { setQuery } from '../route.ts';
import { visible, words } from '../text.ts';

const STATUSES = ['pending', 'running', 'completed', 'failed', 'cancelled'];
const TYPES = ['create_instance', 'provision_instance', 'terminate_instance', 'payload_transfer', 'payload_execute'];

export const TASK_COLUMNS: readonly Column<Task>[] = [
  { name: 'Task', width: '5rem', cell: (of) => of.id },
  { name: 'Type', width: 'minmax(9rem, 1fr)', cell: (of) => words(of.type) },
  { name: 'Status', width: '8rem', cell: (of) => <Status value={of.status} /> },
  { name: 'Instance', width: 'minmax(8rem, 1fr)', cell: (of) => <InstanceName id={of.instance_id} />, isMinor: true },
  { name: 'Worker', width: 'minmax(7rem, 1fr)', cell: (of) => <Text of={of.worker} />, isMinor: true },
  { name: 'Tries', width: '4rem', cell: (of) => of.attempt, isMinor: true },
  { name: 'Error', width: 'minmax(6rem, 2fr)', cell: (of) => <Text of={of.error} />, isMinor: true },
  { name: 'Changed', width: '12rem', cell: (of) => <Time at={of.updated_at} /> },
];

export function Tasks({ query }: { query: URLSearchParams }) {
  const status = query.get('status') ?? '';
  const type = query.get('type') ?? '';
  return (
    <>
      <Heading title="Tasks" />
      <div class="filters">
        <Choice label="Status" value={status} options={STATUSES} onChange={(value) => setQuery({ status: value, type })} />
        <Choice label="Type" value={type} options={TYPES} onChange={(value) => setQuery({ status, type: value })} />
      </div>
      <Paged<Task>
        path="tasks"
        name="tasks"
        query={{ status, type }}
        columns={TASK_COLUMNS}
        href={(of) => `#/tasks/${of.id}`}
        empty="No task matches."
      />
    </>
  );
}

export function TaskLog({ id }: { id: number | string }) {
  const log = useLoaded((signal) => get<{ log: string }>(`tasks/${id}/log`, {}, signal), [id], 5000);
  return (
    <Shown loaded={log}>
      {({ log: text }) =>
        text === '' ? <p class="quiet">It has no log.</p> : <pre class="log">{text.split('\n').map(visible).join('\n')}</pre>
      }
    </Shown>
  );
}

export function TaskView({ id }: { id: string }) {
  const task = useLoaded((signal) => get<Task>(`tasks/${encodeURIComponent(id)}`, {}, signal), [id], 5000);
  return (
    <>
      <Heading title={`Task ${visible(id)}`} />
      <Shown loaded={task}>
        {(of) => (
          <>
            <Facts
              of={[
                ['Type', words(of.type)],
                ['Status', <Status value={of.status} />],
                [
                  'Instance',
                  <a href={`#/instances/${of.instance_id}`}>
                    <InstanceName id={of.instance_id} />
                  </a>,
                ],
                ['Payload', of.payload_id === 0 ? '–' : <a href={`#/payloads/${of.payload_id}`}>{of.payload_id}</a>],
                ['Held by', of.worker === '' ? 'nobody yet' : <Text of={of.worker} />],
                ['Tries', of.attempt],
                ['Waits for', of.depends_on === 0 ? '–' : <a href={`#/tasks/${of.depends_on}`}>task {of.depends_on}</a>],
                ['Made', <Time at={of.created_at} />],
                ['Not before', <Time at={of.run_at} />],
                ['Changed', <Time at={of.updated_at} />],
              ]}
            />
            {of.error !== '' && <Problem error={new Error(of.error)} />}
            {of.type === 'provision_instance' && (
              <>
                <h2>Log</h2>
                <TaskLog id={of.id} />
              </>
            )}
          </>
        )}
      </Shown>
    </>
  );
}
