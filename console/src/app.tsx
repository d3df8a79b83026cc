// The frame of all views: who is logged in, where one can go, and whether the server answers.

import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';

import { isLost } from './api/connection.ts';
import { useGlobalKeys } from './keyboard.ts';
import { KeyHelp } from './parts/key_help.tsx';
import { type Route, useRoute } from './route.ts';
import { logOut, token } from './session.ts';
import { useValue } from './state.ts';
import { Audit } from './views/audit.tsx';
import { Deploy } from './views/deploy.tsx';
import { DeploymentView } from './views/deployment.tsx';
import { Deployments } from './views/deployments.tsx';
import { Fleet } from './views/fleet.tsx';
import { InstanceView } from './views/instance.tsx';
import { Login } from './views/login.tsx';
import { Overview } from './views/overview.tsx';
import { PayloadView } from './views/payload.tsx';
import { Script } from './views/script.tsx';
import { TaskView, Tasks } from './views/tasks.tsx';
import { Tokens } from './views/tokens.tsx';
import { Workers } from './views/workers.tsx';

interface ViewProps {
  id: string;
  query: URLSearchParams;
}

type View = ComponentType<ViewProps>;

const LISTS: Record<string, readonly [title: string, view: View]> = {
  '': ['Overview', Overview],
  fleet: ['Fleet', Fleet],
  deployments: ['Deployments', Deployments],
  deploy: ['New deployment', Deploy],
  tasks: ['Tasks', Tasks],
  workers: ['Workers', Workers],
  audit: ['Audit', Audit],
  tokens: ['Tokens', Tokens],
};

const DETAILS: Record<string, readonly [title: string, view: View]> = {
  deployments: ['Deployment', DeploymentView],
  payloads: ['Payload', PayloadView],
  instances: ['Instance', InstanceView],
  tasks: ['Task', TaskView],
  scripts: ['Script', Script],
};

function Nothing() {
  return (
    <p class="empty">
      There is no such view. <a href="#/">Overview</a>
    </p>
  );
}

function viewOf({ path }: Route): readonly [title: string, view: View] {
  const [name = '', id] = path;
  const views = id === undefined ? LISTS : DETAILS;
  return (path.length <= 2 && Object.hasOwn(views, name) && views[name]) || ['Nothing', Nothing];
}

function Frame() {
  const route = useRoute();
  const lost = useValue(isLost);
  const [hasHelp, setHelp] = useState(false);
  useGlobalKeys(() => setHelp(true));
  const [title, View] = viewOf(route);
  const [name = '', id = ''] = route.path;
  useEffect(() => {
    document.title = `${title}${id === '' ? '' : ` ${id.slice(0, 12)}`} · Longshore`;
  }, [title, id]);
  return (
    <>
      <nav class="places" aria-label="Views">
        <a class="brand" href="#/">
          <img src="icon.svg" alt="" width="20" height="20" /> Longshore
        </a>
        {Object.entries(LISTS).map(([path, [label]]) => (
          <a key={path} href={`#/${path}`} {...(name === path && { 'aria-current': 'page' as const })}>
            {label}
          </a>
        ))}
        <span class="end">
          <button class="plain" title="Keys (?)" onClick={() => setHelp(true)}>
            ?
          </button>
          <button class="plain" onClick={() => logOut()}>
            Log out
          </button>
        </span>
      </nav>
      {lost && (
        <p class="lost" role="alert">
          The connection to the server is lost; trying again. What is shown may be old.
        </p>
      )}
      <main key={route.visit}>
        <View id={id} query={route.query} />
      </main>
      <KeyHelp isOpen={hasHelp} onClose={() => setHelp(false)} />
    </>
  );
}

export function App() {
  return useValue(token) === '' ? <Login /> : <Frame />;
}
