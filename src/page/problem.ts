import { problemFields, problemText, SpillwayError } from '../kernel/index.ts';

/** An answer of our own: a problem document (RFC 9457). */
export interface ProblemAnswer {
  readonly fields: string[];
  readonly body: Buffer;
}

export function problemAnswer(status: number, detail: string, requestId: string, cacheStatus: string): ProblemAnswer {
  const body = Buffer.from(problemText({ status, detail, instance: requestId }));
  return { fields: [...problemFields(body.byteLength).flat(), 'cache-status', cacheStatus], body };
}

/** What a fault of the upstream becomes. */
export interface FaultAnswer {
  readonly status: number;
  readonly detail: string;
  /** When to come back, in whole seconds, where that is known. */
  readonly retryAfterSeconds?: number;
}

/** 503 when it was refused because of load, 504 when it took too long, 502 otherwise. */
export function answerToFault(error: unknown): FaultAnswer {
  const fault = error instanceof SpillwayError ? error : undefined;
  if (fault?.code === 'SPILLWAY_SHED') {
    const retryAfterSeconds = Math.ceil((fault.retryAfterMs ?? 1000) / 1000);
    return { status: 503, detail: 'The service is over capacity. Try again after Retry-After.', retryAfterSeconds };
  }
  return fault?.code.endsWith('TIMEOUT')
    ? { status: 504, detail: 'The upstream did not answer in time.' }
    : { status: 502, detail: 'The upstream could not be reached or broke off.' };
}
