import type { Decision } from './decision.ts';
import { ALL_FIELDS, limitFields, type FieldChoice } from './http-fields.ts';

/** A whole answer to a refused request, for any framework to send. */
export interface Refusal {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

const PROBLEM_TYPES = 'https://iana.org/assignments/http-problem-types#';

/** A refusal as a problem document (RFC 9457) with the problem types of the RateLimit draft. */
export function refusalOf(decision: Decision, choice: FieldChoice = ALL_FIELDS): Refusal {
  const problem = problemOf(decision);
  const body = JSON.stringify(problem);
  return {
    status: problem.status,
    headers: [
      ...limitFields(decision, choice),
      ['content-type', 'application/problem+json'],
      ['content-length', String(Buffer.byteLength(body))],
      ['cache-control', 'no-store'],
    ],
    body,
  };
}

interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail?: string;
  readonly 'violated-policies'?: readonly string[];
}

function problemOf(decision: Decision): Problem {
  if (decision.reason === 'denied') return { type: 'about:blank', title: 'Forbidden', status: 403 };
  if (decision.reason === 'delayQueueFull' || (decision.reason === 'storeFailed' && decision.states.length === 0)) {
    return {
      type: `${PROBLEM_TYPES}temporary-reduced-capacity`,
      title: 'The request cannot be taken right now',
      status: 503,
      'violated-policies': [],
    };
  }
  return {
    type: `${PROBLEM_TYPES}quota-exceeded`,
    title: 'Too many requests',
    status: 429,
    detail: detailOf(decision),
    'violated-policies': decision.violated,
  };
}

function detailOf(decision: Decision): string {
  if (!Number.isFinite(decision.retryAfterMs))
    return `The request costs more than the limit of ${decision.limit} allows at once.`;
  return `The limit ${decision.policy} is reached; try again in ${Math.ceil(decision.retryAfterMs / 1000)} s.`;
}
