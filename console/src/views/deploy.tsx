// A new deployment: which script, to which hosts, and how; then a last look before it goes.

import { useEffect, useRef, useState } from 'preact/hooks';

import { post } from '../api/http.ts';
import type { DeployResponse } from '../api/types.ts';
import { contentOf, type Draft, EMPTY_DRAFT, missing, requestOf, sha256 } from '../deploy_request.ts';
import { keepInterrupted, keepMarked, keptMarked, takeInterrupted } from '../draft.ts';
import { type Loaded, useLoaded, useSettled } from '../loading.ts';
import { Action, Facts, Field, Heading, Shown, Text } from '../parts/basics.tsx';
import { ScriptSource } from '../parts/script_source.tsx';
import { go } from '../route.ts';
import { resolveTargets, type Targets } from '../targets.ts';
import { bytes, plural, visible } from '../text.ts';

const MOST_NAMES = 30;

function draftFrom(query: URLSearchParams): Draft {
  const ids = (query.get('ids') ?? '')
    .split(',')
    .map(Number)
    .filter((id) => Number.isSafeInteger(id) && id > 0);
  return {
    ...EMPTY_DRAFT,
    project: query.get('project') ?? '',
    tags: query.getAll('tag'),
    path: query.get('path') ?? '',
    source: query.has('path') ? 'path' : 'editor',
    ids: query.has('marked') ? keptMarked() : ids,
  };
}

function users(targets: Targets): string {
  const names = [...new Set(targets.known.map((instance) => instance.ssh_user))];
  const some = targets.known.length < targets.count ? ' and maybe others' : '';
  return names.length === 0
    ? 'unknown users'
    : names.slice(0, 3).map(visible).join(', ') + (names.length > 3 ? ` and ${names.length - 3} more` : some);
}

function TargetList({ targets }: { targets: Targets }) {
  return (
    <div class="targets">
      <p role="status">
        <b>{plural(targets.count, 'host')}</b>
        {targets.problem !== '' && <span class="problem"> {visible(targets.problem)}</span>}
      </p>
      <p>
        {targets.known.slice(0, MOST_NAMES).map((instance) => (
          <span key={instance.id} class="chip">
            <Text of={instance.name} />
          </span>
        ))}
        {targets.count > MOST_NAMES && <span class="quiet">and {plural(targets.count - MOST_NAMES, 'other')}</span>}
      </p>
    </div>
  );
}

function TargetFields({
  draft,
  change,
  targets,
}: {
  draft: Draft;
  change: (part: Partial<Draft>) => void;
  targets: Loaded<Targets>;
}) {
  const [tagText, setTagText] = useState(draft.tags.join(' '));
  const isNamed = draft.ids.length > 0 || draft.project !== '' || draft.tags.length > 0;
  const chooseOthers = () => {
    change({ ids: [] });
  };
  return (
    <fieldset>
      <legend>Targets</legend>
      {draft.ids.length > 0 ? (
        <p>
          {plural(draft.ids.length, 'marked instance')} <button onClick={chooseOthers}>Choose by project and tags</button>
        </p>
      ) : (
        <div class="filters">
          <Field label="Project" value={draft.project} onInput={(project) => change({ project })} placeholder="default" />
          <Field
            label="Tags (all of them)"
            value={tagText}
            onInput={(text) => {
              setTagText(text);
              change({ tags: text.split(/[\s,]+/).filter((tag) => tag !== '') });
            }}
            placeholder="web eu"
          />
        </div>
      )}
      {isNamed ? (
        <Shown loaded={targets}>{(value) => <TargetList targets={value} />}</Shown>
      ) : (
        <p class="quiet">A project or a tag says which; the hosts that match are shown here.</p>
      )}
    </fieldset>
  );
}

function HowFields({ draft, change }: { draft: Draft; change: (part: Partial<Draft>) => void }) {
  return (
    <fieldset>
      <legend>How</legend>
      <div class="filters">
        <Field
          label="Remote path"
          value={draft.remotePath}
          onInput={(remotePath) => change({ remotePath })}
          placeholder="in the login's home"
        />
        <label class="field">
          <span>Then</span>
          <select
            value={draft.executes ? 'run' : 'copy'}
            onChange={(event) => change({ executes: event.currentTarget.value === 'run' })}
          >
            <option value="run">run it</option>
            <option value="copy">copy it only</option>
          </select>
        </label>
        <Field
          label="Timeout, seconds"
          type="number"
          min={0}
          value={draft.timeout}
          onInput={(timeout) => change({ timeout })}
          placeholder="300"
        />
        <Field
          label="At a time"
          value={draft.maxConcurrency}
          placeholder="all, 10 or 20%"
          onInput={(maxConcurrency) => change({ maxConcurrency })}
        />
        <Field
          label="Stop after failures"
          value={draft.maxErrors}
          placeholder="never, 3 or 5%"
          onInput={(maxErrors) => change({ maxErrors })}
        />
      </div>
      <div class="filters">
        <Field label="Waves" value={draft.waves} placeholder="1, 5%, 25%" onInput={(waves) => change({ waves })} />
        {draft.waves.trim() !== '' && (
          <label class="field">
            <span>Between waves</span>
            <select
              value={draft.between}
              onChange={(event) => change({ between: event.currentTarget.value as Draft['between'] })}
            >
              <option value="nothing">go on at once</option>
              <option value="time">wait</option>
              <option value="resume">wait until somebody resumes it</option>
            </select>
          </label>
        )}
        {draft.waves.trim() !== '' && draft.between === 'time' && (
          <Field label="Wait, seconds" type="number" min={1} value={draft.pause} onInput={(pause) => change({ pause })} />
        )}
      </div>
    </fieldset>
  );
}

const BETWEEN = {
  nothing: () => 'one right after the other',
  time: (draft: Draft) => `${draft.pause} s between them`,
  resume: () => 'each once somebody resumes it',
};

function selectorOf(draft: Draft): string {
  const tags = draft.tags.length === 0 ? '' : `, tags ${draft.tags.join(' ')}`;
  return `project ${draft.project || 'default'}${tags}`;
}

// The last look.
function Review({ of, onBack, onSend }: { of: Reviewed; onBack: () => void; onSend: () => Promise<void> }) {
  const { draft, hash, targets, refused } = of;
  const script = hash === '' ? `the file ${draft.path}, read when it is sent` : `sha256 ${hash}`;
  return (
    <section class="review" aria-label="Review">
      <p class="sum">
        <b>{plural(targets.count, 'host')}</b>, <code class="hash">{visible(script)}</code>, <b>as {users(targets)}</b>
      </p>
      <Facts
        of={[
          [
            'Targets',
            draft.ids.length > 0 ? (
              'the marked instances'
            ) : (
              <Text of={`${selectorOf(draft)}; those that match when it is sent`} />
            ),
          ],
          ['Size', hash === '' ? '–' : bytes(contentOf(draft)?.length ?? 0)],
          ['To', draft.remotePath === '' ? "the login's home" : <Text of={draft.remotePath} />],
          [
            'Does',
            draft.executes
              ? `runs it, for ${draft.timeout === '' ? 'the default time' : `${draft.timeout} s`} at most`
              : 'copies it only',
          ],
          ['At a time', draft.maxConcurrency === '' ? 'all' : draft.maxConcurrency],
          ['Stops after', draft.maxErrors === '' ? 'no number of failures' : `${draft.maxErrors} failed`],
          [
            'Waves',
            draft.waves.trim() === '' ? 'none' : <Text of={`${draft.waves}, then all; ${BETWEEN[draft.between](draft)}`} />,
          ],
        ]}
      />
      <TargetList targets={targets} />
      {refused.length > 0 && <NotTaken errors={refused} />}
      <Action label={`${draft.executes ? 'Run' : 'Copy'} on ${plural(targets.count, 'host')}`} danger run={onSend} />
      <button onClick={onBack}>Back</button>
    </section>
  );
}

function NotTaken({ errors }: { errors: readonly string[] }) {
  return (
    <>
      <p class="problem" role="alert">
        {errors.length === 1 ? 'One host does not take it:' : `${errors.length.toLocaleString()} hosts do not take it:`}
      </p>
      <ul>
        {errors.slice(0, MOST_NAMES).map((error) => (
          <li key={error}>{visible(error)}</li>
        ))}
      </ul>
    </>
  );
}

// A draft that the server has found good, as it was then: this is what is shown, and what is sent.
interface Reviewed {
  draft: Draft;
  hash: string; // Empty: the script is the server's to read.
  targets: Targets;
  refused: readonly string[]; // Why some of the hosts will not take it.
}

async function reviewOf(draft: Draft): Promise<Reviewed> {
  const lacks = missing(draft);
  if (lacks !== '') throw new Error(lacks);
  const { request_id: _, ...request } = requestOf(draft, '');
  const content = contentOf(draft);
  const [answer, targets, hash] = await Promise.all([
    post<DeployResponse>('payloads', { ...request, validate_only: true }),
    resolveTargets(draft, new AbortController().signal),
    content === undefined ? '' : sha256(content),
  ]);
  return { draft, hash, targets: { ...targets, count: targets.count - answer.errors.length }, refused: answer.errors };
}

export function Deploy({ query }: { query: URLSearchParams }) {
  const url = query.toString();
  const [draft, setDraft] = useState(() => takeInterrupted(url) ?? draftFrom(query));
  const [reviewed, setReviewed] = useState<Reviewed>();
  const [answer, setAnswer] = useState<DeployResponse>();
  // One id for this deployment, however often its button is pressed or its request repeated.
  const requestId = useRef(crypto.randomUUID());
  const change = (part: Partial<Draft>) => setDraft((before) => ({ ...before, ...part }));
  const wanted = useSettled({ ids: draft.ids, project: draft.project, tags: draft.tags });
  const targets = useLoaded((signal) => resolveTargets(wanted, signal), [wanted]);
  const newest = useRef(draft);
  useEffect(() => {
    newest.current = draft;
    requestId.current = crypto.randomUUID(); // Another request.
  }, [draft]);
  useEffect(() => () => keepInterrupted(url, newest.current), [url]);
  const check = async () => setReviewed(await reviewOf(draft));
  const deploy = async (sent: Draft) => {
    const given = await post<DeployResponse>('payloads', requestOf(sent, requestId.current));
    keepMarked([]);
    if (given.success) go(`#/deployments/${given.deployment_id}`);
    else setAnswer(given);
  };
  if (answer !== undefined)
    return (
      <>
        <Heading title="New deployment" />
        <NotTaken errors={answer.errors} />
        <a class="button primary" href={`#/deployments/${answer.deployment_id}`}>
          Follow the others
        </a>
      </>
    );
  return (
    <>
      <Heading title="New deployment" />
      {reviewed === undefined ? (
        <>
          <ScriptSource draft={draft} change={change} />
          <TargetFields draft={draft} change={change} targets={targets} />
          <HowFields draft={draft} change={change} />
          <Action label="Review" run={check} />
        </>
      ) : (
        <Review of={reviewed} onBack={() => setReviewed(undefined)} onSend={() => deploy(reviewed.draft)} />
      )}
    </>
  );
}
