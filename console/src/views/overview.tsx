// What goes on now, and what went wrong in the last hour.

import { get, pages, serverNow } from '../api/http.ts';
import type { Deployment, Payload, Task, Worker } from '../api/types.ts';
import { useLoaded } from '../loading.ts';
import { Heading, Shown, Status, Text, Time } from '../parts/basics.tsx';
import { InstanceName } from '../parts/instance_names.tsx';
import { Plot } from '../parts/plot.tsx';
import { Table, type Column } from '../parts/table.tsx';
import { duration, plural, words } from '../text.ts';
import { DEPLOYMENT_COLUMNS } from './deployments.tsx';
import { AWAY_MS } from './workers.tsx';

const EVERY_MS = 15000;
const HOUR_MS = 3600000;
const BAR_MS = 120000;
// The newest of each kind are read; of a busier hour this is a part, and it is said.
const MOST = 1000;
// Pages of the queue that are read for its oldest task, which is on the last one.
const MOST_PAGES = 10;

interface Now {
  running: Payload[];
  pending: Task[];
  isAll: boolean; // Of the queue.
  ended: Payload[];
  deployments: Deployment[];
  workers: Worker[];
  at: number;
  isPart: boolean;
}

async function queue(signal: AbortSignal): Promise<{ pending: Task[]; isAll: boolean }> {
  const pending: Task[] = [];
  let read = 0;
  for await (const page of pages<Task>('tasks', 'tasks', { status: 'pending', page_size: MOST }, signal)) {
    pending.push(...page);
    if (++read === MOST_PAGES && page.length === MOST) return { pending, isAll: false };
  }
  return { pending, isAll: true };
}

async function load(signal: AbortSignal): Promise<Now> {
  const payloads = async (status: string, size: number) =>
    (await get<{ payloads: Payload[] }>('payloads', { status, page_size: size }, signal)).payloads;
  const [running, completed, failed, cancelled, tasks, deployments, workers] = await Promise.all([
    payloads('executing', 100),
    payloads('completed', MOST),
    payloads('failed', MOST),
    payloads('cancelled', MOST),
    queue(signal),
    get<{ deployments: Deployment[] }>('deployments', { page_size: 5 }, signal),
    get<{ workers: Worker[] }>('workers', { page_size: 1000 }, signal),
  ]);
  const at = serverNow();
  const isRecent = (payload: Payload) => payload.finished_at !== undefined && at - Date.parse(payload.finished_at) < HOUR_MS;
  const isPart = [completed, failed, cancelled].some((list) => list.length === MOST);
  return {
    running,
    ...tasks,
    ended: [...completed, ...failed, ...cancelled].filter(isRecent),
    deployments: deployments.deployments,
    workers: workers.workers,
    at,
    isPart,
  };
}

function Throughput({ now }: { now: Now }) {
  const count = HOUR_MS / BAR_MS;
  const series = ['completed', 'failed', 'cancelled'].map((name) => ({ name, values: new Array<number>(count).fill(0) }));
  for (const payload of now.ended) {
    const bar = count - 1 - Math.floor((now.at - Date.parse(payload.finished_at as string)) / BAR_MS);
    const values = series.find((one) => one.name === payload.status)?.values;
    if (values !== undefined && bar >= 0 && bar < count) values[bar] = (values[bar] ?? 0) + 1;
  }
  const labels = Array.from({ length: count }, (_, bar) => new Date(now.at - (count - bar) * BAR_MS).toLocaleTimeString());
  return <Plot title={`Ended in the last hour${now.isPart ? ', the newest of them' : ''}`} series={series} labels={labels} />;
}

const FAILED: readonly Column<Payload>[] = [
  { name: 'Payload', width: '5.5rem', cell: (of) => of.id },
  { name: 'Host', width: 'minmax(8rem, 1fr)', cell: (of) => <InstanceName id={of.instance_id} /> },
  { name: 'Why', width: 'minmax(8rem, 1fr)', cell: (of) => words(of.failure_reason ?? '') },
  { name: 'Error', width: 'minmax(8rem, 2fr)', cell: (of) => <Text of={of.error} />, isMinor: true },
  { name: 'When', width: '11rem', cell: (of) => <Time at={of.finished_at} /> },
];

const RUNNING: readonly Column<Payload>[] = [
  { name: 'Payload', width: '5.5rem', cell: (of) => of.id },
  { name: 'Host', width: 'minmax(8rem, 1fr)', cell: (of) => <InstanceName id={of.instance_id} /> },
  { name: 'Status', width: '8rem', cell: (of) => <Status value={of.status} /> },
  { name: 'Path', width: 'minmax(8rem, 2fr)', cell: (of) => <Text of={of.remote_path} />, isMinor: true },
  { name: 'Since', width: '11rem', cell: (of) => <Time at={of.started_at} /> },
];

function Figures({ now }: { now: Now }) {
  const due = now.pending.map((task) => Date.parse(task.run_at ?? task.created_at)).filter((at) => at <= now.at);
  const longest = now.at - due.reduce((oldest, at) => Math.min(oldest, at), now.at);
  const oldest = due.length === 0 ? 'nothing waits' : `the oldest for ${now.isAll ? '' : 'at least '}${duration(longest)}`;
  const failed = now.ended.filter((payload) => payload.status === 'failed').length;
  const seen = now.workers.filter((worker) => now.at - Date.parse(worker.seen_at) < AWAY_MS);
  const atLeast = (list: readonly unknown[], most: number) => `${list.length.toLocaleString()}${list.length === most ? '+' : ''}`;
  return (
    <div class="figures">
      <a href="#/tasks?status=running">
        <b>{atLeast(now.running, 100)}</b> running
      </a>
      <a href="#/tasks?status=pending">
        <b>
          {now.pending.length.toLocaleString()}
          {now.isAll ? '' : '+'}
        </b>{' '}
        queued, <span>{oldest}</span>
      </a>
      <span class={failed > 0 ? 'bad' : ''}>
        <b>{failed.toLocaleString()}</b> failed in the last hour
      </span>
      <a href="#/workers" class={seen.length === 0 ? 'bad' : ''}>
        <b>{seen.length}</b> {seen.length === 1 ? 'worker' : 'workers'} connected
      </a>
    </div>
  );
}

export function Overview() {
  const now = useLoaded(load, [], EVERY_MS);
  return (
    <>
      <Heading title="Overview">
        <a class="button primary" href="#/deploy">
          New deployment
        </a>
      </Heading>
      <Shown loaded={now}>
        {(value) => {
          const failed = value.ended
            .filter((payload) => payload.status === 'failed')
            .sort((one, other) => Date.parse(other.finished_at as string) - Date.parse(one.finished_at as string));
          return (
            <>
              <Figures now={value} />
              <Throughput now={value} />
              <h2>Deployments</h2>
              <Table
                rows={value.deployments}
                columns={DEPLOYMENT_COLUMNS}
                href={(of) => `#/deployments/${of.id}`}
                empty="Nothing was deployed yet."
              />
              {value.running.length > 0 && (
                <>
                  <h2>
                    Running <span class="quiet">{plural(value.running.length, 'script')}</span>
                  </h2>
                  <Table rows={value.running} columns={RUNNING} href={(of) => `#/payloads/${of.id}`} empty="" hasKeys={false} />
                </>
              )}
              <h2>Failed in the last hour</h2>
              <Table
                rows={failed}
                columns={FAILED}
                href={(of) => `#/payloads/${of.id}`}
                empty="Nothing has failed."
                hasKeys={false}
              />
            </>
          );
        }}
      </Shown>
    </>
  );
}
