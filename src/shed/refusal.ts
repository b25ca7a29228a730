import { PROBLEM_KINDS, problemFields, problemText } from '../kernel/index.ts';
import type { Admission } from './shed.ts';

/** A whole answer to a request that was not admitted, for any framework to send. */
export interface ShedRefusal {
  readonly status: 503;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

const BODY = problemText({
  type: PROBLEM_KINDS.reducedCapacity,
  title: 'The service is over capacity',
  status: 503,
  detail: 'This request was set aside so that more urgent ones are served. Try again after Retry-After.',
});
const FIELDS = problemFields(Buffer.byteLength(BODY));

/** A refusal as a problem document (RFC 9457). Under overload it must cost next to nothing, so its body never changes. */
export function shedRefusalOf(admission: Admission): ShedRefusal {
  return {
    status: 503,
    headers: [
      ['retry-after', String(Math.ceil(admission.retryAfterMs / 1000))],
      ['x-spillway-level', String(admission.level)],
      ...FIELDS,
    ],
    body: BODY,
  };
}

/** What is needed of an exchange to refuse it. */
export interface RefusableExchange {
  readonly method: string;
  readonly response: { writeHead(status: number, fields: string[]): unknown; end(): unknown; end(body: string): unknown };
}

/** Answers a request that was not admitted: 503, a Retry-After of its own, and a problem document. */
export function refuseShed(admission: Admission, exchange: RefusableExchange): void {
  const { status, headers, body } = shedRefusalOf(admission);
  exchange.response.writeHead(status, headers.flat());
  if (exchange.method === 'HEAD') exchange.response.end();
  else exchange.response.end(body);
}
