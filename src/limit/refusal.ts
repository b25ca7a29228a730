import { PROBLEM_KINDS, problemFields, problemText, type ProblemDocument } from '../kernel/index.ts';
import type { Decision } from './decision.ts';
import { ALL_FIELDS, limitFields, type FieldChoice } from './http-fields.ts';

/** A whole answer to a refused request, for any framework to send. */
export interface Refusal {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

/** A refusal as a problem document (RFC 9457) with the problem types of the RateLimit draft. */
export function refusalOf(decision: Decision, choice: FieldChoice = ALL_FIELDS): Refusal {
  const problem = problemOf(decision);
  const body = problemText(problem);
  return { status: problem.status, headers: [...limitFields(decision, choice), ...problemFields(Buffer.byteLength(body))], body };
}

function problemOf(decision: Decision): ProblemDocument {
  if (decision.reason === 'denied') return { status: 403 };
  if (decision.reason === 'delayQueueFull' || (decision.reason === 'storeFailed' && decision.states.length === 0)) {
    return {
      type: PROBLEM_KINDS.reducedCapacity,
      title: 'The request cannot be taken right now',
      status: 503,
      more: { 'violated-policies': [] },
    };
  }
  return {
    type: PROBLEM_KINDS.quotaExceeded,
    title: 'Too many requests',
    status: 429,
    detail: detailOf(decision),
    more: { 'violated-policies': decision.violated },
  };
}

function detailOf(decision: Decision): string {
  if (!Number.isFinite(decision.retryAfterMs))
    return `The request costs more than the limit of ${decision.limit} allows at once.`;
  return `The limit ${decision.policy} is reached; try again in ${Math.ceil(decision.retryAfterMs / 1000)} s.`;
}
