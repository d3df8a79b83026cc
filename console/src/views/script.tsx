// A script as it was sent, by its sha256.

import { send } from '../api/http.ts';
import { useLoaded } from '../loading.ts';
import { Heading, Shown } from '../parts/basics.tsx';
import { bytes, visible } from '../text.ts';

export function ScriptText({ sha256 }: { sha256: string }) {
  const script = useLoaded(
    async (signal) => {
      const answer = await send(`/api/v1/scripts/${encodeURIComponent(sha256)}`, { signal });
      return new Uint8Array(await answer.arrayBuffer());
    },
    [sha256],
  );
  return (
    <Shown loaded={script}>
      {(content) => (
        <>
          <p class="quiet">{bytes(content.length)}</p>
          <pre class="log">
            {new TextDecoder()
              .decode(content)
              .split('\n')
              .map((line) => line.split('\t').map(visible).join('\t'))
              .join('\n')}
          </pre>
        </>
      )}
    </Shown>
  );
}

export function Script({ id }: { id: string }) {
  return (
    <>
      <Heading title="Script" />
      <p>
        <code>{visible(id)}</code>
      </p>
      <ScriptText sha256={id} />
    </>
  );
}
