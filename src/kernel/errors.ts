import { ERROR_CODES, type ErrorCode } from './error-codes.ts';

export interface SpillwayErrorOptions {
  readonly cause?: unknown;
  /** Overrides the code's own verdict. */
  readonly retryable?: boolean;
  /** When a retry can succeed, ms from now, where that is known. */
  readonly retryAfterMs?: number;
}

/**
 * A fault. Refusals (a limit reached, a request shed) are answers, never errors. `code` is stable and documented in
 * docs/reference/errors.md.
 */
export class SpillwayError extends Error {
  override readonly name: string = 'SpillwayError';
  readonly code: ErrorCode;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, options: SpillwayErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? ERROR_CODES[code].retryable;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** One thing wrong with what a user wrote. */
export interface Problem {
  /** Where: `routes['/api/**'].limit[0].window`; empty when it is the whole. */
  readonly path: string;
  /** The same as keys. */
  readonly keys?: readonly PropertyKey[];
  /** Line of the file it was read from, 1-based, where that is known. */
  readonly line?: number;
  /** What is wrong: `"15 minutes" is not a duration`. */
  readonly message: string;
  /** What to write instead, when that is known: `did you mean 'window'?`. */
  readonly fix?: string;
}

/** Wrong options or a wrong config: every problem at once. */
export class ConfigError extends SpillwayError {
  override readonly name: string = 'ConfigError';
  /** What is wrong: a file's name, or `createCache(options)`. */
  readonly subject: string;
  readonly problems: readonly Problem[];

  constructor(subject: string, problems: readonly Problem[]) {
    super(
      'SPILLWAY_CONFIG_INVALID',
      `${subject}: ${problems.length === 1 ? '1 problem' : `${problems.length} problems`}\n${problems.map(formatProblem).join('\n')}`,
    );
    this.subject = subject;
    this.problems = problems;
  }
}

function formatProblem(problem: Problem): string {
  const place = [problem.line === undefined ? '' : `line ${problem.line}`, problem.path].filter(Boolean).join(', ');
  return `  ${place === '' ? '' : `${place}: `}${problem.message}${problem.fix ? `\n      ${problem.fix}` : ''}`;
}

/** What was thrown, as text for a log line or a sentence. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
