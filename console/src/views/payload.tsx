// A payload, live: what it prints, how far it is, and what it was.

import { useEffect, useState } from 'preact/hooks';

import { get, post, send } from '../api/http.ts';
import { TERMINAL, type Payload, type Task } from '../api/types.ts';
import { useLoaded } from '../loading.ts';
import { Action, Facts, Heading, Problem, Shown, Status, Text } from '../parts/basics.tsx';
import { InstanceName } from '../parts/instance_names.tsx';
import { TimeLine } from '../parts/time_line.tsx';
import { emptyFeed, followPayload } from '../payload_feed.ts';
import { Terminal } from '../terminal/terminal.tsx';
import { bytes, visible, words } from '../text.ts';
import { ScriptText } from './script.tsx';

// How often a payload that has ended is looked at.
const LOOK_EVERY_MS = 10000;
// Some browsers read it only after a while.
const KEEP_DOWNLOAD_MS = 60000;

async function download(id: number): Promise<void> {
  const answer = await send(`/api/v1/payloads/${id}/output`);
  const url = URL.createObjectURL(new Blob([await answer.arrayBuffer()], { type: 'application/octet-stream' }));
  const anchor = document.createElement('a');
  anchor.href = url;
  anchor.download = `payload-${id}.log`;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(url), KEEP_DOWNLOAD_MS);
}

function result(of: Payload): string {
  if (of.exit_code !== undefined) return `exit status ${of.exit_code}`;
  return of.failure_reason === undefined ? '–' : words(of.failure_reason);
}

function About({ of, printed }: { of: Payload; printed: number }) {
  return (
    <Facts
      of={[
        [
          'Instance',
          <a href={`#/instances/${of.instance_id}`}>
            <InstanceName id={of.instance_id} />
          </a>,
        ],
        ['Deployment', <a href={`#/deployments/${of.deployment_id}`}>{of.deployment_id}</a>],
        ['Result', result(of)],
        ['Took', of.execution_time ?? '–'],
        ['Timeout', `${of.timeout} s`],
        ['Attempt', of.attempt],
        ['Printed', `${bytes(printed)}${of.output_truncated ? ', not all of it kept' : ''}`],
        ['At', <Text of={of.remote_path} />],
        ['Task', <a href={`#/tasks/${of.task_id}`}>{of.task_id}</a>],
        [
          'Script',
          <a href={`#/scripts/${of.script_sha256}`}>
            <code>{of.script_sha256.slice(0, 16)}</code>, {bytes(of.script_bytes)}
          </a>,
        ],
      ]}
    />
  );
}

// The tasks of its attempts: of the present one, and of those before.
function Attempts({ of }: { of: Payload }) {
  const tasks = useLoaded(
    (signal) => get<{ tasks: Task[] }>('tasks', { instance_id: of.instance_id, page_size: 1000 }, signal),
    [of.instance_id, of.attempt, of.status],
  );
  return (
    <Shown loaded={tasks}>
      {({ tasks: all }) => (
        <ul class="plain">
          {all
            .filter((task) => task.payload_id === of.id)
            .map((task) => (
              <li key={task.id}>
                <a href={`#/tasks/${task.id}`}>task {task.id}</a> {words(task.type)} <Status value={task.status} />{' '}
                <Text of={task.worker} />
                {task.error !== '' && (
                  <>
                    {' '}
                    <Text of={task.error} />
                  </>
                )}
              </li>
            ))}
        </ul>
      )}
    </Shown>
  );
}

export function PayloadView({ id }: { id: string }) {
  const [feed, setFeed] = useState(emptyFeed);
  const [turn, setTurn] = useState(0);
  const [hasScript, setHasScript] = useState(false);
  useEffect(() => followPayload(id, setFeed), [id, turn]);
  const of = feed.payload;
  const taskId = of?.task_id ?? 0;
  const isOpen = of !== undefined && !TERMINAL.includes(of.status);
  // Who has it in hand changes without its status: a host that is not reached is tried by one worker and another.
  const task = useLoaded(
    async (signal) => (taskId === 0 ? undefined : get<Task>(`tasks/${taskId}`, {}, signal)),
    [taskId, of?.status],
    isOpen ? 5000 : 0,
  );
  // The stream has ended, and somebody may begin the payload anew.
  const later = useLoaded(
    async (signal) => (feed.isOver && !feed.error ? get<Payload>(`payloads/${encodeURIComponent(id)}`, {}, signal) : undefined),
    [id, feed.isOver],
    LOOK_EVERY_MS,
  );
  useEffect(() => {
    if (later.value && later.value.attempt !== of?.attempt) setTurn((before) => before + 1);
  }, [later.value]);
  const act = (verb: string) => async () => {
    await post(`payloads/${encodeURIComponent(id)}:${verb}`);
    if (feed.isOver) setTurn((before) => before + 1);
  };
  return (
    <>
      <Heading
        title={
          <>
            Payload {visible(id)} {of && <Status value={of.status} />}
          </>
        }
      >
        {of?.status === 'transferred' && <Action label="Execute" run={act('execute')} />}
        <Action label="Cancel" danger disabled={!isOpen} confirm="Stop it?" run={act('cancel')} />
      </Heading>
      {feed.error && <Problem error={feed.error} />}
      {of === undefined && feed.error === undefined && (
        <p class="quiet late" role="status">
          Loading…
        </p>
      )}
      {of !== undefined && (
        <>
          {of.error !== '' && (
            <p class="problem" role="alert">
              {visible(of.error)}
            </p>
          )}
          <TimeLine payload={of} task={task.value} />
          {of.attempt > 1 && <p class="quiet">Attempt {of.attempt}: the output is of this one.</p>}
          <Terminal screen={feed.screen} version={feed.version} onDownload={() => download(of.id)} />
          <About of={of} printed={Math.max(of.output_bytes, feed.printed)} />
          <details class="box">
            <summary>Attempts and their tasks</summary>
            <Attempts of={of} />
          </details>
          <details class="box" onToggle={(event) => setHasScript(event.currentTarget.open)}>
            <summary>The script that {of.executed ? 'ran' : 'was sent'}</summary>
            {hasScript && <ScriptText sha256={of.script_sha256} />}
          </details>
        </>
      )}
    </>
  );
}
