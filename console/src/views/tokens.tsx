// Tokens: who may do what. A new one is shown once.

import { useState } from 'preact/hooks';

import { post, serverNow } from '../api/http.ts';
import type { Role, Token } from '../api/types.ts';
import { Action, Field, Heading, Status, Text, Time } from '../parts/basics.tsx';
import { Paged } from '../parts/paged.tsx';
import type { Column } from '../parts/table.tsx';
import { visible } from '../text.ts';

const ROLES: readonly Role[] = ['viewer', 'operator', 'admin'];

function statusOf(token: Token): string {
  if (token.revoked_at !== undefined) return 'revoked';
  return token.expires_at !== undefined && Date.parse(token.expires_at) <= serverNow() ? 'expired' : 'active';
}

function NewToken({ onMade }: { onMade: () => void }) {
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('viewer');
  const [projects, setProjects] = useState('default');
  const [days, setDays] = useState('90');
  const [made, setMade] = useState<{ name: string; token: string }>();
  const make = async () => {
    const request: Record<string, unknown> = {
      name,
      role,
      projects: projects.split(/[\s,]+/).filter((project) => project !== ''),
    };
    if (days !== '') request.expires_at = new Date(Date.now() + Number(days) * 86400000).toISOString();
    const { token } = await post<{ token: string }>('tokens', request);
    setMade({ name, token });
    setName('');
    onMade();
  };
  return (
    <details class="box">
      <summary>New token</summary>
      <div class="filters">
        <Field label="Name" value={name} onInput={setName} placeholder="deploy bot" />
        <label class="field">
          <span>Role</span>
          <select value={role} onChange={(event) => setRole(event.currentTarget.value as Role)}>
            {ROLES.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        </label>
        <Field label="Projects (* is every one)" value={projects} onInput={setProjects} />
        <Field label="Days (empty: for ever)" type="number" min={1} max={3650} value={days} onInput={setDays} />
        <Action label="Make" run={make} />
      </div>
      {made && (
        <p role="status">
          The token of {visible(made.name)}, shown only now: <code class="secret">{made.token}</code>
          <button onClick={() => setMade(undefined)}>Hide</button>
        </p>
      )}
    </details>
  );
}

export function Tokens() {
  const [turn, setTurn] = useState(0);
  const again = () => setTurn((before) => before + 1);
  const revoke = async (token: Token) => {
    await post(`tokens/${token.id}:revoke`);
    again();
  };
  const columns: readonly Column<Token>[] = [
    { name: 'Token', width: '4rem', cell: (of) => of.id },
    { name: 'Name', width: 'minmax(8rem, 2fr)', cell: (of) => <Text of={of.name} /> },
    { name: 'Role', width: '6rem', cell: (of) => of.role },
    { name: 'Status', width: '7rem', cell: (of) => <Status value={statusOf(of)} /> },
    { name: 'Projects', width: 'minmax(6rem, 1fr)', cell: (of) => <Text of={of.projects.join(', ')} />, isMinor: true },
    { name: 'Used', width: '11rem', cell: (of) => <Time at={of.last_used_at} />, isMinor: true },
    { name: 'Ends', width: '11rem', cell: (of) => <Time at={of.expires_at} />, isMinor: true },
    {
      name: '',
      width: 'minmax(6rem, auto)',
      cell: (of) => statusOf(of) === 'active' && <Action label="Revoke" danger confirm="Sure?" run={() => revoke(of)} />,
    },
  ];
  return (
    <>
      <Heading title="Tokens" />
      <NewToken onMade={again} />
      <Paged<Token> path="tokens" name="tokens" columns={columns} turn={turn} empty="There is no token." />
    </>
  );
}
