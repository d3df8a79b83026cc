// Many small questions in one request: batches of JSON-RPC.

import { ask } from './http.ts';
import { ApiError } from './errors.ts';

// The server's limit (docs/http.md).
const BATCH = 100;

export interface Question {
  method: string;
  params: Record<string, unknown>;
}

interface Answer {
  id: number;
  result?: unknown;
  error?: { message: string; data?: { code?: string; reason?: string } };
}

// The results, or an ApiError, in the order of the questions.
export async function askAll<T>(questions: readonly Question[], signal?: AbortSignal): Promise<(T | ApiError)[]> {
  const results: (T | ApiError)[] = [];
  for (let begin = 0; begin < questions.length; begin += BATCH) {
    const batch = questions.slice(begin, begin + BATCH).map((question, id) => ({ jsonrpc: '2.0', id, ...question }));
    const answers = await ask<Answer[]>('/rpc', { method: 'POST', body: batch, signal });
    for (const answer of answers) {
      const { result, error } = answer;
      results[begin + answer.id] =
        error === undefined ? (result as T) : new ApiError(200, error.data?.code ?? '', error.data?.reason ?? '', error.message);
    }
  }
  return results;
}
