// A deployment, live: how far it is, on which hosts, and what its failures have in common.

import { useEffect, useMemo, useRef, useState } from 'preact/hooks';

import { get, post } from '../api/http.ts';
import type { Deployment, DeployResponse, Payload, Rollout } from '../api/types.ts';
import { PAYLOAD_STATUSES } from '../api/types.ts';
import { type Feed, followDeployment, NOTHING_YET } from '../deployment_feed.ts';
import { useLoaded } from '../loading.ts';
import { Action, Facts, Heading, Problem, Status, Text, Time } from '../parts/basics.tsx';
import { FailureGroups } from '../parts/failure_groups.tsx';
import { HostGrid } from '../parts/host_grid.tsx';
import { InstanceName } from '../parts/instance_names.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { setQuery } from '../route.ts';
import { bytes, visible, words } from '../text.ts';
import { countsIn, Progress, scriptOf } from './deployments.tsx';

// How often a deployment that has ended is looked at.
const LOOK_EVERY_MS = 10000;

const COLUMNS: readonly Column<Payload>[] = [
  { name: 'Payload', width: '5.5rem', cell: (of) => of.id },
  { name: 'Host', width: 'minmax(8rem, 1fr)', cell: (of) => <InstanceName id={of.instance_id} /> },
  { name: 'Status', width: '8rem', cell: (of) => <Status value={of.status} /> },
  { name: 'Exit', width: '4rem', cell: (of) => of.exit_code ?? '', isMinor: true },
  { name: 'Took', width: '6rem', cell: (of) => of.execution_time ?? '', isMinor: true },
  { name: 'Output', width: '7rem', cell: (of) => bytes(of.output_bytes), isMinor: true },
  { name: 'Error', width: 'minmax(6rem, 2fr)', cell: (of) => <Text of={of.error} />, isMinor: true },
];

function amount(count = 0, percent = 0): string {
  return percent > 0 ? `${percent}%` : count > 0 ? `${count}` : '';
}

function between({
  seconds = 0,
  until_resumed: held = false,
  check_script_sha256: check = '',
}: Partial<Rollout>['pause'] & object) {
  if (check !== '') return 'a check between them';
  if (seconds > 0) return `${seconds} s between them`;
  return held ? 'each once somebody resumes it' : '';
}

function RolloutLimits({ of }: { of: Deployment }) {
  const rollout = of.request?.rollout ?? {};
  const most = amount(rollout.max_concurrency, rollout.max_concurrency_percent);
  const errors = amount(rollout.max_errors, rollout.max_errors_percent);
  const waves = (rollout.waves ?? []).map((wave) => amount(wave.count, wave.percent)).join(', ');
  const limits = [
    most !== '' && `${most} at a time`,
    errors !== '' && `stops after ${errors} failed`,
    waves !== '' && `waves up to ${waves}, then all`,
    between(rollout.pause ?? {}),
  ];
  return <>{limits.filter(Boolean).join(', ') || 'all at once'}</>;
}

// What holds payloads back, if something does.
function RolloutState({ of }: { of: Deployment }) {
  const { rollout_state: state, wave, wave_count: waves } = of;
  const place = waves === 0 ? '' : `, wave ${wave} of ${waves}`;
  if (state === 'paused')
    return (
      <p class="quiet" role="status">
        Paused{place}: nothing more begins until somebody resumes it.
      </p>
    );
  if (state === 'waiting') {
    return (
      <p class="quiet" role="status">
        Waiting{place}: the next one begins at <Time at={of.next_wave_at} />.
      </p>
    );
  }
  if (state === 'checking') {
    return (
      <p class="quiet" role="status">
        Checking{place}: the next one begins when{' '}
        {of.check_deployment_id === 0 ? (
          'its check'
        ) : (
          <a href={`#/deployments/${of.check_deployment_id}`}>deployment {of.check_deployment_id}</a>
        )}{' '}
        has succeeded everywhere.
      </p>
    );
  }
  return state === 'rolling' && waves > 0 ? <p class="quiet">Rolling{place}.</p> : null;
}

function Request({ of }: { of: Deployment }) {
  const request = of.request ?? {};
  const targets =
    request.selector === undefined
      ? `${of.counts.total} hosts by their ids`
      : [request.selector.project && `project ${request.selector.project}`, ...(request.selector.tags ?? [])]
          .filter(Boolean)
          .join(', ');
  return (
    <Facts
      of={[
        [
          'Script',
          <a href={`#/scripts/${of.script_sha256}`}>
            <code>{of.script_sha256.slice(0, 16)}</code>, {bytes(of.script_bytes)}
          </a>,
        ],
        ['From', request.payload_path ? <Text of={request.payload_path} /> : 'the request'],
        ['To', request.remote_path ? <Text of={request.remote_path} /> : 'the default path'],
        ['Targets', <Text of={targets} />],
        ['Does', request.execute_payload ? `runs it, for ${request.timeout || 300} s at most` : 'copies it only'],
        ['Rollout', <RolloutLimits of={of} />],
        ['Made', <Time at={of.created_at} />],
      ]}
    />
  );
}

function Counts({ of, chosen, as }: { of: Deployment; chosen: string; as: string }) {
  return (
    <div class="counts" role="group" aria-label="Hosts by status">
      <button aria-pressed={chosen === ''} onClick={() => setQuery({ as })}>
        all <b>{of.counts.total.toLocaleString()}</b>
      </button>
      {PAYLOAD_STATUSES.map((status) => (
        <button
          key={status}
          aria-pressed={chosen === status}
          onClick={() => setQuery({ status: chosen === status ? '' : status, as })}
        >
          <Status value={status} /> <b>{of.counts[status].toLocaleString()}</b>
        </button>
      ))}
    </div>
  );
}

function chosenOf(feed: Feed, status: string): Payload[] {
  const chosen: Payload[] = [];
  for (const payload of feed.payloads.values()) {
    if (status === '' || payload.status === status) chosen.push(payload);
  }
  return chosen.sort((one, other) => one.id - other.id);
}

export function DeploymentView({ id, query }: { id: string; query: URLSearchParams }) {
  const [feed, setFeed] = useState<Feed>(NOTHING_YET);
  const [turn, setTurn] = useState(0);
  const [refused, setRefused] = useState<DeployResponse>();
  // One request_id for each thing that somebody wants, so that a click that is repeated does it once.
  const retryId = useRef('');
  const again = () => setTurn((before) => before + 1);
  const status = query.get('status') ?? '';
  const hasGrid = query.get('as') === 'grid';
  useEffect(() => {
    // What a stream shows is true of its time: when it begins anew, so does what somebody wants.
    retryId.current = crypto.randomUUID();
    return followDeployment(id, setFeed);
  }, [id, turn]);
  // The stream has ended, and somebody else may begin again.
  const later = useLoaded(
    async (signal) =>
      feed.isOver && !feed.error ? get<Deployment>(`deployments/${encodeURIComponent(id)}`, {}, signal) : undefined,
    [id, feed.isOver],
    LOOK_EVERY_MS,
  );
  useEffect(() => {
    if (later.value && JSON.stringify(later.value.counts) !== JSON.stringify(feed.deployment?.counts)) again();
  }, [later.value]);
  const chosen = useMemo(() => chosenOf(feed, status), [feed.version, feed.payloads, status]);
  const failed = useMemo(() => chosenOf(feed, 'failed'), [feed.version, feed.payloads]);

  const cancel = async () => {
    await post(`deployments/${encodeURIComponent(id)}:cancel`);
  };
  const retry = async () => {
    const body = { request_id: retryId.current };
    const answer = await post<DeployResponse>(`deployments/${encodeURIComponent(id)}:retry`, body);
    setRefused(answer.errors.length > 0 ? answer : undefined);
    again(); // The stream has ended; the new attempts have another.
  };
  const pause = async () => {
    await post(`deployments/${encodeURIComponent(id)}:pause`);
  };
  const resume = async () => {
    await post(`deployments/${encodeURIComponent(id)}:resume`);
  };
  const of = feed.deployment;
  const isHeld = of !== undefined && ['paused', 'waiting', 'checking'].includes(of.rollout_state);
  const open = of === undefined ? 0 : of.counts.pending + of.counts.transferred + of.counts.executing;
  const failures = of === undefined ? 0 : of.counts.failed + of.counts.cancelled;
  return (
    <>
      <Heading title={`Deployment ${visible(id)}`}>
        <Action label="Cancel" danger disabled={open === 0} confirm={`Stop ${open} hosts?`} run={cancel} />
        {isHeld ? (
          <Action label="Resume" disabled={open === 0} run={resume} />
        ) : (
          <Action label="Pause" disabled={open === 0 || of?.rollout_state === 'stopped'} run={pause} />
        )}
        <Action label={`Retry failed (${failures})`} disabled={failures === 0} run={retry} />
      </Heading>
      {feed.error && <Problem error={feed.error} />}
      {of === undefined && feed.error === undefined && (
        <p class="quiet late" role="status">
          Loading…
        </p>
      )}
      {of !== undefined && (
        <>
          <p class="asked">
            <Text of={scriptOf(of)} />{' '}
            <span class="quiet" role="status">
              {countsIn(of.counts)}
              {feed.isOver ? '' : ' · live'}
            </span>
          </p>
          <Progress counts={of.counts} />
          <RolloutState of={of} />
          {of.stop_reason !== '' && (
            <p class="problem" role="alert">
              Stopped: {visible(of.stop_reason)}
            </p>
          )}
          {refused && (
            <p class="problem" role="alert">
              Not retried: {refused.errors.slice(0, 5).map(visible).join('; ')}
            </p>
          )}
          <Counts of={of} chosen={status} as={hasGrid ? 'grid' : ''} />
          {failed.length > 0 && <FailureGroups failed={failed} />}
          <div class="filters">
            <button aria-pressed={!hasGrid} onClick={() => setQuery({ status })}>
              Table
            </button>
            <button aria-pressed={hasGrid} onClick={() => setQuery({ status, as: 'grid' })}>
              Grid
            </button>
          </div>
          {hasGrid ? (
            <HostGrid payloads={chosen} />
          ) : (
            <Table
              rows={chosen}
              columns={COLUMNS}
              href={(payload) => `#/payloads/${payload.id}`}
              empty={`No host is ${words(status)}.`}
            />
          )}
          <details class="box">
            <summary>What was asked for</summary>
            <Request of={of} />
          </details>
        </>
      )}
    </>
  );
}
