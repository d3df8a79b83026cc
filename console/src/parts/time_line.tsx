// The steps of a payload's way, each with its time and how long it took from the one before.

import type { Payload, Task } from '../api/types.ts';
import { duration, visible } from '../text.ts';
import { signOf, Time } from './basics.tsx';

interface Step {
  name: string;
  at: string | undefined;
  note?: string;
}

function stepsOf(payload: Payload, task: Task | undefined): Step[] {
  const end = payload.status === 'pending' || payload.finished_at === undefined ? 'ended' : payload.status;
  const claim: Step = { name: 'claimed', at: task?.claimed_at };
  if (task !== undefined && task.worker !== '')
    claim.note = `by ${visible(task.worker)}${task.attempt > 1 ? `, try ${task.attempt}` : ''}`;
  return [
    { name: 'accepted', at: payload.created_at },
    claim,
    { name: 'transferred', at: payload.transferred_at },
    { name: 'started', at: payload.started_at },
    { name: end, at: payload.finished_at },
  ];
}

export function TimeLine({ payload, task }: { payload: Payload; task: Task | undefined }) {
  let before: number | undefined;
  return (
    <ol class="timeline" aria-label="Time line">
      {stepsOf(payload, task).map((step) => {
        const then = step.at === undefined ? undefined : Date.parse(step.at);
        // A task that changed hands was claimed last after its script had begun.
        const took = then !== undefined && before !== undefined && then >= before ? `+${duration(then - before)}` : '';
        before = then ?? before;
        return (
          <li key={step.name} class={step.at === undefined ? 'open' : `reached ${step.name}`}>
            <b>
              <span aria-hidden="true">
                {signOf(step.name === 'started' ? 'executing' : step.at === undefined ? 'pending' : step.name)}
              </span>{' '}
              {step.name}
            </b>
            <span>
              <Time at={step.at} />
            </span>
            <span class="quiet">
              {took} {step.note}
            </span>
          </li>
        );
      })}
    </ol>
  );
}
