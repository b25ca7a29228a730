import { STATUS_CODES } from 'node:http';
import { SpillwayError } from '../kernel/index.ts';

/** An answer of our own: a problem document (RFC 9457). */
export interface ProblemAnswer {
  readonly fields: string[];
  readonly body: Buffer;
}

export function problemAnswer(status: number, detail: string, requestId: string, cacheStatus: string): ProblemAnswer {
  const body = Buffer.from(
    JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status], status, detail, instance: requestId }),
  );
  const fields = [
    'content-type',
    'application/problem+json',
    'cache-control',
    'no-store',
    'content-length',
    String(body.length),
    'cache-status',
    cacheStatus,
  ];
  return { fields, body };
}

/** The status a fault of the upstream becomes: 504 when it took too long, 502 otherwise. */
export function statusOfFault(error: unknown): { readonly status: number; readonly detail: string } {
  const isTimeout = error instanceof SpillwayError && error.code.endsWith('TIMEOUT');
  return isTimeout
    ? { status: 504, detail: 'The upstream did not answer in time.' }
    : { status: 502, detail: 'The upstream could not be reached or broke off.' };
}
