import { parseDuration, type Duration } from '../../../src/kernel/index.ts';

/** Values of one field: a line, several lines, or a line that depends on the time. */
export type FieldValue = string | readonly string[] | ((nowMs: number) => string);
export type FieldSet = Readonly<Record<string, FieldValue>>;

/** What the origin does when it is asked. Without a `date` field it states the time; `body` is `answer N` unless given. */
export interface Answer {
  readonly status?: number;
  readonly fields?: FieldSet;
  readonly body?: string;
  /** Interim answers before it. */
  readonly early?: readonly (readonly [status: 102 | 103, fields: Readonly<Record<string, string>>])[];
  /** Closes the connection: at once, or in the middle of the body. */
  readonly breaksOff?: 'at once' | 'in the body';
  /** Sends no `Date`. */
  readonly withoutDate?: boolean;
}

/** What the client asks. `at` is put behind the path that is the behaviour's own. */
export interface Ask {
  readonly method?: string;
  readonly at?: string;
  readonly host?: string;
  readonly fields?: Readonly<Record<string, string | string[]>>;
  readonly body?: string;
}

/** Fields expected: the value, one that depends on the time, a pattern, or `undefined` for a field that must not be there. */
export type ExpectedFields = Readonly<Record<string, string | ((nowMs: number) => string) | RegExp | undefined>>;

/** What the client gets. */
export interface Got {
  readonly status?: number;
  readonly fields?: ExpectedFields;
  readonly body?: string;
  readonly early?: readonly number[];
}

export interface RequestStep {
  readonly kind: 'request';
  readonly ask: Ask;
  /** What the origin would do. */
  readonly answer: Answer;
  /** Whether it must be asked: `either` where both are allowed. */
  readonly origin: 'is asked' | 'is not asked' | 'either';
  /** Fields the origin must see, or not see. */
  readonly sees?: ExpectedFields;
  readonly got: Got;
}

export interface WaitStep {
  readonly kind: 'wait';
  readonly ms: number;
}

/** Lets work behind the answers end: until the origin was asked so often. */
export interface UntilAskedStep {
  readonly kind: 'until asked';
  readonly times: number;
}

export type Step = RequestStep | WaitStep | UntilAskedStep;

/** One thing a cache does, with the clause that has it so. */
export interface Behaviour {
  readonly clause: string;
  /** `must`: demanded (MUST, SHOULD). `may`: reuse that is allowed and that a good cache does not miss. */
  readonly level: 'must' | 'may';
  readonly does: string;
  readonly steps: readonly Step[];
  /** Why profile `safe` deliberately does otherwise. */
  readonly notInSafe?: string;
}

export function must(clause: string, does: string, ...steps: Step[]): Behaviour {
  return { clause, level: 'must', does, steps };
}

export function may(clause: string, does: string, ...steps: Step[]): Behaviour {
  return { clause, level: 'may', does, steps };
}

/** Marks what `safe` leaves out on purpose. */
export function notInSafe(why: string, ...behaviours: Behaviour[]): Behaviour[] {
  return behaviours.map((behaviour) => ({ ...behaviour, notInSafe: why }));
}

/** A request that the origin answers; what it says reaches the client. */
export function asked(
  answer: Answer | FieldSet = {},
  more: Partial<Pick<RequestStep, 'ask' | 'got' | 'sees'>> = {},
): RequestStep {
  return { kind: 'request', ask: {}, got: {}, origin: 'is asked', ...more, answer: answerOf(answer) };
}

/** A request answered from the store: with the body of the origin's latest answer, unless `got` says otherwise. */
export function reused(got: Got = {}, ask: Ask = {}): RequestStep {
  return { kind: 'request', ask, answer: {}, origin: 'is not asked', got };
}

/** A request the origin answers 304, because it saw the conditions in `sees`. */
export function validated(fields: FieldSet, sees: ExpectedFields, got: Got = {}, ask: Ask = {}): RequestStep {
  return { kind: 'request', ask, answer: { status: 304, fields, body: '' }, origin: 'is asked', sees, got };
}

/** A request whose origin breaks off at once and that nothing stored may answer. */
export function failed(ask: Ask = {}): RequestStep {
  return { kind: 'request', ask, answer: { breaksOff: 'at once' }, origin: 'is asked', got: { status: 502 } };
}

export function wait(duration: Duration): WaitStep {
  return { kind: 'wait', ms: parseDuration(duration)! };
}

export function untilAsked(times: number): UntilAskedStep {
  return { kind: 'until asked', times };
}

/** An HTTP-date so far from now. */
export function dateIn(seconds: number): (nowMs: number) => string {
  return (nowMs) => new Date(nowMs + seconds * 1000).toUTCString();
}

/** Lets `fields` stand for an answer that has nothing else. */
function answerOf(answer: Answer | FieldSet): Answer {
  return isAnswer(answer) ? answer : { fields: answer };
}

const ANSWER_KEYS = new Set(['status', 'fields', 'body', 'early', 'breaksOff', 'withoutDate']);

function isAnswer(answer: Answer | FieldSet): answer is Answer {
  return Object.keys(answer).every((key) => ANSWER_KEYS.has(key));
}
