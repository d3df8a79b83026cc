// What went wrong with a call, in the server's own words.

export interface FieldViolation {
  field: string;
  description: string;
}

export class ApiError extends Error {
  constructor(
    readonly status: number, // Of HTTP; 0: there was no answer.
    readonly code: string, // gRPC's: "NOT_FOUND".
    readonly reason: string,
    message: string,
  ) {
    super(message);
  }

  // Nobody answered, or somebody who will soon do better.
  get isPassing(): boolean {
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504;
  }

  // To ask again may help, later: the server is there, and has enough to do; or gRPC has cancelled a call while it went away.
  get isBusy(): boolean {
    return this.status === 429 || this.status === 499 || ['RESOURCE_EXHAUSTED', 'CANCELLED'].includes(this.code);
  }
}

export function unreachable(): ApiError {
  return new ApiError(0, 'UNAVAILABLE', 'SERVER_NOT_REACHED', 'the server is not reached');
}

// `body` is what docs/http.md calls an error; a proxy between may say anything else.
export function errorOf(status: number, body: string): ApiError {
  try {
    const answer = JSON.parse(body);
    const { error } = Array.isArray(answer) ? answer[0] : answer;
    if (typeof error.code === 'number')
      return new ApiError(status, error.data?.code ?? '', error.data?.reason ?? '', error.message);
    return new ApiError(status, String(error.code), String(error.reason ?? ''), String(error.message));
  } catch {
    return new ApiError(status, `HTTP ${status}`, '', body.trim().slice(0, 300) || `the answer was HTTP ${status}`);
  }
}

export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

export function isAbort(thrown: unknown): boolean {
  return thrown instanceof DOMException && thrown.name === 'AbortError';
}
