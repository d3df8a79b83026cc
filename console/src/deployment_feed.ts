// A deployment as its events tell it: the counts, and each payload's state, brought together once a frame.

import { followEvents } from './api/events.ts';
import type { Deployment, Payload } from './api/types.ts';

export interface Feed {
  deployment: Deployment | undefined;
  payloads: Map<number, Payload>;
  version: number; // Changes with the payloads.
  isOver: boolean;
  error: Error | undefined;
}

export const NOTHING_YET: Feed = { deployment: undefined, payloads: new Map(), version: 0, isOver: false, error: undefined };

// Returns how to stop.
export function followDeployment(id: string, show: (feed: Feed) => void): () => void {
  const abort = new AbortController();
  const payloads = new Map<number, Payload>();
  let feed: Feed = { ...NOTHING_YET, payloads };
  let frame = 0;
  const change = (part: Partial<Feed>) => {
    feed = { ...feed, ...part };
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      show(feed);
    });
  };
  followEvents(
    `deployments/${encodeURIComponent(id)}/events`,
    {
      onEvent(name, data) {
        if (name === 'payload') {
          const { payload } = data as { payload: Payload };
          payloads.set(payload.id, payload);
          change({ version: feed.version + 1 });
        } else if (name === 'deployment') {
          const { deployment } = data as { deployment: Deployment };
          // Only the first event has the request.
          const request = deployment.request ?? feed.deployment?.request;
          change({ deployment: request === undefined ? deployment : { ...deployment, request } });
        }
      },
      onEnd: () => change({ isOver: true }),
      onError: (error) => change({ error, isOver: true }),
    },
    abort.signal,
  );
  return () => {
    abort.abort();
    cancelAnimationFrame(frame);
  };
}
