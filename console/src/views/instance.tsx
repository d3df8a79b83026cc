// An instance: how it is reached, how it came to be, and what it did.

import { get } from '../api/http.ts';
import type { Instance, Payload, Task } from '../api/types.ts';
import { useLoaded } from '../loading.ts';
import { Facts, Heading, Problem, Shown, Status, Text, Time } from '../parts/basics.tsx';
import { learnNames } from '../parts/instance_names.tsx';
import { Paged } from '../parts/paged.tsx';
import type { Column } from '../parts/table.tsx';
import { link } from '../route.ts';
import { bytes, endpoint, visible, words } from '../text.ts';
import { TASK_COLUMNS, TaskLog } from './tasks.tsx';

const PAYLOAD_COLUMNS: readonly Column<Payload>[] = [
  { name: 'Payload', width: '5.5rem', cell: (of) => of.id },
  { name: 'Status', width: '8rem', cell: (of) => <Status value={of.status} /> },
  { name: 'Path', width: 'minmax(8rem, 2fr)', cell: (of) => <Text of={of.remote_path} /> },
  { name: 'Exit', width: '4rem', cell: (of) => of.exit_code ?? '', isMinor: true },
  { name: 'Took', width: '6rem', cell: (of) => of.execution_time ?? '', isMinor: true },
  { name: 'Output', width: '7rem', cell: (of) => bytes(of.output_bytes), isMinor: true },
  { name: 'Made', width: '12rem', cell: (of) => <Time at={of.created_at} />, isMinor: true },
];

function About({ of }: { of: Instance }) {
  return (
    <Facts
      of={[
        ['Address', <Text of={endpoint(of.address, of.port)} />],
        ['Login', <Text of={of.become ? `${of.ssh_user}, becomes root` : of.ssh_user} />],
        ['By way of', <Text of={of.jump.map((hop) => `${hop.ssh_user}@${endpoint(hop.address, hop.port)}`).join(', ') || '–'} />],
        ['Pool', <Text of={of.pool} />],
        ['Project', <Text of={of.project} />],
        [
          'Tags',
          of.tags.length === 0
            ? '–'
            : of.tags.map((tag) => (
                <a key={tag} class="chip" href={link('fleet', { tag })}>
                  <Text of={tag} />
                </a>
              )),
        ],
        ['Provider', <Text of={[of.provider, of.region, of.size, of.image].filter((word) => word !== '').join(', ')} />],
        ['Host key', of.host_key === '' ? 'not seen yet' : <code class="key">{visible(of.host_key)}</code>],
        ['Its payload', of.payload_status === undefined || of.payload_status === 'none' ? '–' : words(of.payload_status)],
        ['Made', <Time at={of.created_at} />],
        ['Changed', <Time at={of.updated_at} />],
      ]}
    />
  );
}

// The newest log of its set-up, if it was set up by Ansible.
function Provisioning({ id }: { id: number }) {
  const tasks = useLoaded(
    (signal) => get<{ tasks: Task[] }>('tasks', { instance_id: id, type: 'provision_instance', page_size: 1 }, signal),
    [id],
    5000,
  );
  const task = tasks.value?.tasks[0];
  return task === undefined ? null : (
    <details class="box">
      <summary>Log of its set-up (task {task.id})</summary>
      <TaskLog id={task.id} />
    </details>
  );
}

export function InstanceView({ id }: { id: string }) {
  const instance = useLoaded(
    async (signal) => {
      const of = await get<Instance>(`instances/${encodeURIComponent(id)}`, {}, signal);
      learnNames([of]);
      return of;
    },
    [id],
    5000,
  );
  return (
    <Shown loaded={instance}>
      {(of) => (
        <>
          <Heading
            title={
              <>
                <Text of={of.name} /> <Status value={of.status} />
              </>
            }
          >
            <a class="button" href={link('deploy', { ids: String(of.id) })}>
              Deploy to it
            </a>
          </Heading>
          {of.status_error !== '' && <Problem error={new Error(of.status_error)} />}
          {of.payload_error !== '' && <Problem error={new Error(of.payload_error)} />}
          <About of={of} />
          <Provisioning id={of.id} />
          <h2>Payloads</h2>
          <Paged<Payload>
            path={`instances/${of.id}/payloads`}
            name="payloads"
            columns={PAYLOAD_COLUMNS}
            every={5000}
            href={(payload) => `#/payloads/${payload.id}`}
            empty="It has had no payload."
          />
          <h2>Tasks</h2>
          <Paged<Task>
            path="tasks"
            name="tasks"
            query={{ instance_id: of.id }}
            columns={TASK_COLUMNS}
            every={5000}
            href={(task) => `#/tasks/${task.id}`}
            empty="It has had no task."
            hasKeys={false}
          />
        </>
      )}
    </Shown>
  );
}
