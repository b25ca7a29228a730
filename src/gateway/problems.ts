import { problemFields, problemText, SpillwayError } from '../kernel/index.ts';
import type { AnswerWriter } from './answer-writer.ts';

/** A problem document (RFC 9457). */
export interface ProblemDocument {
  readonly status: number;
  /** What is wrong with this request, for whoever sent it. */
  readonly detail: string;
  /** The query parameter or field that is wrong, where it is one. */
  readonly field?: string;
  /** A stable name of the kind of problem: the error code. */
  readonly code?: string;
  /** Becomes the document's `instance`. */
  readonly requestId?: string;
}

/** A problem as it is sent: its fields (names and values in turn) and its bytes. */
export interface ProblemAnswer {
  readonly fields: string[];
  readonly body: Buffer;
}

/** @param more fields to send with it. */
export function problemAnswer(
  { status, detail, field, code, requestId }: ProblemDocument,
  more: readonly string[] = [],
): ProblemAnswer {
  const body = Buffer.from(problemText({ status, detail, instance: requestId, more: { field, code } }));
  return { fields: [...problemFields(body.byteLength).flat(), ...more], body };
}

/** Answers with a problem document, or cuts the connection when an answer has begun and can only be broken off. */
export function sendProblem(response: AnswerWriter, problem: ProblemDocument, headers: readonly string[] = []): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { fields, body } = problemAnswer(problem, headers);
  response.writeHead(problem.status, fields);
  response.end(body);
}

/** When to come again, where the fault knows. */
export function retryFields(error: unknown): string[] {
  const afterMs = error instanceof SpillwayError ? error.retryAfterMs : undefined;
  return afterMs === undefined ? [] : ['retry-after', String(Math.max(1, Math.ceil(afterMs / 1000)))];
}

/** What a client is told of a fault. What the fault was in detail stays in the log. */
export function problemOf(error: unknown, requestId?: string): ProblemDocument {
  const code = error instanceof SpillwayError ? error.code : undefined;
  const id = requestId === undefined ? {} : { requestId };
  switch (code) {
    case 'SPILLWAY_UPSTREAM_TIMEOUT':
      return { status: 504, detail: 'The service behind did not answer in time.', code, ...id };
    case 'SPILLWAY_UPSTREAM_UNAVAILABLE':
      return { status: 502, detail: 'The service behind cannot be reached.', code, ...id };
    case 'SPILLWAY_UPSTREAM_BROKEN':
      return { status: 502, detail: 'The service behind gave no complete answer.', code, ...id };
    case 'SPILLWAY_BREAKER_OPEN':
      return { status: 503, detail: 'The service behind is being left alone for a while.', code, ...id };
    case 'SPILLWAY_REQUEST_MALFORMED':
      return { status: 400, detail: 'The request cannot be passed on as HTTP.', code, ...id };
    case 'SPILLWAY_REQUEST_TOO_LARGE':
      return { status: 413, detail: 'The request body is too large.', code, ...id };
    default:
      return { status: 500, detail: 'The request could not be answered.', ...(code ? { code } : {}), ...id };
  }
}
