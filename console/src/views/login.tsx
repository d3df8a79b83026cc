// The one field that a token goes into.

import { useState } from 'preact/hooks';

import { toError } from '../api/errors.ts';
import { get } from '../api/http.ts';
import { Problem } from '../parts/basics.tsx';
import { ended, logIn, token } from '../session.ts';
import { useValue } from '../state.ts';
import { visible } from '../text.ts';

export function Login() {
  const why = useValue(ended);
  const [value, setValue] = useState('');
  const [error, setError] = useState<Error>();
  const submit = async (event: Event) => {
    event.preventDefault();
    setError(undefined);
    const before = token.value;
    try {
      if (!/^[\x21-\x7e]+$/.test(value.trim())) throw new Error('this is no token: it has letters that no token has');
      logIn(value.trim());
      await get('deployments', { page_size: 1 });
    } catch (thrown) {
      // It is logged out already, when the token does not count; otherwise the views say what is wrong.
      if (token.value === before) setError(toError(thrown));
    }
  };
  return (
    <main class="login">
      <form onSubmit={submit}>
        <h1>Longshore</h1>
        <label class="field">
          <span>Token</span>
          <input
            type="password"
            name="token"
            value={value}
            autocomplete="off"
            autofocus
            required
            onInput={(event) => setValue(event.currentTarget.value)}
            placeholder="lsk_…"
          />
        </label>
        <button class="primary">Log in</button>
        {error === undefined && why !== '' && (
          <p class="problem" role="alert">
            {visible(why)}
          </p>
        )}
        {error && <Problem error={error} />}
        <p class="quiet">
          It stays in this tab. The first token comes from <code>longshore tokens bootstrap</code> or
          <code> api_server --bootstrap_token_file</code>, others from <code>longshore tokens create</code>.
        </p>
      </form>
    </main>
  );
}
