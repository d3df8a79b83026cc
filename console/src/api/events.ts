// Streams of events (docs/http.md, "Events"), which go on where they broke off. The browser's EventSource cannot send a token.

import { createParser } from 'eventsource-parser';

import { logOut } from '../session.ts';
import { lost } from './connection.ts';
import { ApiError, isAbort, toError, unreachable } from './errors.ts';
import { send } from './http.ts';

// The server sends something every 15 s; a stream that is silent for longer is a dead one.
const SILENCE_MS = 40000;
const RETRY_FROM_MS = 300;
const RETRY_UP_TO_MS = 5000;
const RETRY_BUSY_MS = 5000;

export interface StreamHandlers {
  onEvent(name: string, data: unknown): void;
  // The last event has come.
  onEnd(): void;
  // The stream cannot go on.
  onError(error: Error): void;
}

type Outcome = 'ended' | 'broken';

class Follower {
  private lastId = '';
  private failures = 0;

  constructor(
    private path: string,
    private handlers: StreamHandlers,
    private signal: AbortSignal,
  ) {}

  async run(): Promise<void> {
    while (!this.signal.aborted) {
      await visible(this.signal);
      if (this.signal.aborted) return;
      try {
        if ((await this.once()) === 'ended') return this.handlers.onEnd();
      } catch (thrown) {
        if (this.signal.aborted) return;
        const error = toError(thrown);
        const isBusy = error instanceof ApiError && error.isBusy;
        const isPassing = isAbort(thrown) || (error instanceof ApiError && error.isPassing);
        if (!isBusy && !isPassing) return this.handlers.onError(error);
        if (isBusy) await pause(RETRY_BUSY_MS);
      }
      await this.rest();
    }
  }

  private async once(): Promise<Outcome> {
    const attempt = new AbortController();
    const stop = () => attempt.abort();
    // A browser opens six connections to a server, whatever the number of its tabs: a hidden one lends its own.
    const hide = () => document.hidden && stop();
    this.signal.addEventListener('abort', stop);
    document.addEventListener('visibilitychange', hide);
    const giveUp = () => {
      lost();
      stop();
    };
    let silence = setTimeout(giveUp, SILENCE_MS);
    try {
      const headers: Record<string, string> = { Accept: 'text/event-stream' };
      if (this.lastId !== '') headers['Last-Event-ID'] = this.lastId;
      const answer = await send(this.path, { headers, signal: attempt.signal, isStream: true });
      if (answer.status === 204 || answer.body === null) return 'ended';
      return await this.read(answer.body, () => {
        clearTimeout(silence);
        silence = setTimeout(giveUp, SILENCE_MS);
      });
    } finally {
      clearTimeout(silence);
      stop();
      this.signal.removeEventListener('abort', stop);
      document.removeEventListener('visibilitychange', hide);
    }
  }

  private async read(body: ReadableStream<Uint8Array>, heard: () => void): Promise<Outcome> {
    let outcome: Outcome | undefined;
    let problem: ApiError | undefined;
    const parser = createParser({
      onEvent: (event) => {
        const data = JSON.parse(event.data);
        if (event.event === 'end') {
          outcome = 'ended';
        } else if (event.event === 'problem') {
          const { code, reason, message } = data.error;
          problem = new ApiError(code === 'UNAVAILABLE' ? 503 : 200, code, reason ?? '', message);
        } else {
          this.failures = 0;
          if (event.id) this.lastId = event.id;
          this.handlers.onEvent(event.event ?? '', data);
        }
      },
    });
    const reader = body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>).getReader();
    while (outcome === undefined && problem === undefined) {
      const { done, value } = await reader.read().catch((thrown) => {
        if (isAbort(thrown)) throw thrown;
        lost();
        throw unreachable();
      });
      if (done) break;
      heard();
      parser.feed(value);
    }
    if (problem?.code === 'UNAUTHENTICATED') logOut(problem.message);
    if (problem !== undefined) throw problem;
    return outcome ?? 'broken';
  }

  private rest(): Promise<void> {
    if (document.hidden) return Promise.resolve();
    const most = Math.min(RETRY_UP_TO_MS, RETRY_FROM_MS * 2 ** this.failures++);
    return pause(most * (0.5 + Math.random() / 2));
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function visible(signal: AbortSignal): Promise<void> {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    const look = () => {
      if (document.hidden && !signal.aborted) return;
      document.removeEventListener('visibilitychange', look);
      signal.removeEventListener('abort', look);
      resolve();
    };
    document.addEventListener('visibilitychange', look);
    signal.addEventListener('abort', look);
  });
}

// Follows the stream until it ends, or the signal says that nobody wants it any more.
export function followEvents(path: string, handlers: StreamHandlers, signal: AbortSignal): void {
  void new Follower(`/api/v1/${path}`, handlers, signal).run();
}
