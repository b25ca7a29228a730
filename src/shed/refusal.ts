import { PROBLEM_KINDS, problemFields, problemText } from '../kernel/index.ts';
import type { Admission } from './shed.ts';

/** A whole answer to a request that was not admitted, for any framework to send. */
export interface ShedRefusal {
  readonly status: 503;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

// Under overload a refusal must cost next to nothing, so all of it but two fields is the same each time.
const BODY = problemText({
  type: PROBLEM_KINDS.reducedCapacity,
  title: 'The service is over capacity',
  status: 503,
  detail: 'This request was set aside so that more urgent ones are served. Try again after Retry-After.',
});
const FIELDS = problemFields(Buffer.byteLength(BODY));
const FLAT_FIELDS = FIELDS.flat();

/** A refusal as a problem document (RFC 9457). */
export function shedRefusalOf(admission: Admission): ShedRefusal {
  return {
    status: 503,
    headers: [['retry-after', retryAfter(admission)], ['x-spillway-level', String(admission.level)], ...FIELDS],
    body: BODY,
  };
}

/** What is needed of an exchange to refuse it. */
export interface RefusableExchange {
  readonly method: string;
  /** Fields to send with it: names and values in turn. */
  readonly ownFields?: readonly string[];
  readonly response: { writeHead(status: number, fields: string[]): unknown; end(): unknown; end(body: string): unknown };
}

/** Answers a request that was not admitted: 503, a Retry-After of its own, and a problem document. */
export function refuseShed(admission: Admission, { method, response, ownFields = [] }: RefusableExchange): void {
  const level = String(admission.level);
  response.writeHead(503, ['retry-after', retryAfter(admission), 'x-spillway-level', level, ...FLAT_FIELDS, ...ownFields]);
  if (method === 'HEAD') response.end();
  else response.end(BODY);
}

function retryAfter({ retryAfterMs }: Admission): string {
  return String(Math.ceil(retryAfterMs / 1000));
}
