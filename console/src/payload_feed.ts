// A payload as its events tell it: its state, and a screen with what it has printed.

import { followEvents } from './api/events.ts';
import type { Payload, PayloadOutput } from './api/types.ts';
import { TERMINAL } from './api/types.ts';
import { Screen } from './terminal/screen.ts';
import { bytes, fromBase64 } from './text.ts';

export interface PayloadFeed {
  payload: Payload | undefined;
  screen: Screen;
  version: number; // Changes with the screen.
  printed: number; // Bytes, as far as it is known here.
  isOver: boolean;
  error: Error | undefined;
}

export function emptyFeed(): PayloadFeed {
  return { payload: undefined, screen: new Screen(), version: 0, printed: 0, isOver: false, error: undefined };
}

class PayloadFollower {
  private feed = emptyFeed();
  private attempt = 0;
  private expected = 0; // The offset at which the output goes on.
  private frame = 0;
  private opened = Date.now();
  readonly abort = new AbortController();

  constructor(
    id: string,
    private show: (feed: PayloadFeed) => void,
  ) {
    followEvents(
      `payloads/${encodeURIComponent(id)}/events`,
      {
        onEvent: (name, data) => {
          if (name === 'payload') this.takePayload((data as { payload: Payload }).payload);
          if (name === 'output') this.takeOutput((data as { output: PayloadOutput }).output);
        },
        onEnd: () => this.end(),
        onError: (error) => this.change({ error, isOver: true }),
      },
      this.abort.signal,
    );
  }

  stop(): void {
    this.abort.abort();
    cancelAnimationFrame(this.frame);
  }

  private takePayload(payload: Payload): void {
    if (payload.attempt !== this.attempt) this.begin(payload.attempt);
    this.change({ payload });
  }

  private takeOutput({ attempt, offset, data }: PayloadOutput): void {
    if (attempt !== this.attempt) this.begin(attempt);
    const content = fromBase64(data);
    if (offset > this.expected)
      this.feed.screen.note(`… ${bytes(offset - this.expected)} that were printed here are not stored …`);
    this.expected = offset + content.length;
    // What was printed before the page was opened comes at once: it has no time that is known here.
    const payload = this.feed.payload;
    const isOld = payload === undefined || TERMINAL.includes(payload.status) || Date.now() - this.opened < 1000;
    this.feed.screen.write(content, isOld ? 0 : Date.now());
    this.change({ version: this.feed.version + 1, printed: this.expected });
  }

  private begin(attempt: number): void {
    this.attempt = attempt;
    this.expected = 0;
    this.change({ screen: new Screen(), version: this.feed.version + 1, printed: 0 });
  }

  private end(): void {
    this.feed.screen.end();
    this.change({ isOver: true, version: this.feed.version + 1 });
  }

  private change(part: Partial<PayloadFeed>): void {
    this.feed = { ...this.feed, ...part };
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.show(this.feed);
    });
  }
}

// Returns how to stop.
export function followPayload(id: string, show: (feed: PayloadFeed) => void): () => void {
  const follower = new PayloadFollower(id, show);
  return () => follower.stop();
}
