import type { PageCachePolicy } from '../policy/index.ts';
import { responseControl, type ResponseControl } from './cache-control.ts';
import { type Fields, fieldValue, firstLine, listMembers } from './fields.ts';
import { parseHttpDate } from './http-date.ts';

export type Profile = 'safe' | 'rfc';

/** What decides whether an answer may be stored and how long it is good for. */
export interface AnswerFacts {
  readonly status: number;
  readonly fields: Fields;
  /** Wall-clock ms at which the request went out and its answer's head came in. */
  readonly requestMs: number;
  readonly responseMs: number;
  /** The request carried credentials. */
  readonly hasAuthorization: boolean;
  /** The request carried cookies that are not part of the key. */
  readonly hasCookie: boolean;
  /** The request said `no-store`. */
  readonly requestNoStore: boolean;
  /** `Origin` of the request. */
  readonly requestOrigin?: string | undefined;
}

/** How long a stored answer serves, in ms. */
export interface Lifetimes {
  /** Age at which it becomes stale. */
  readonly freshMs: number;
  /** Its age when it came in (RFC 9111 §4.2.3). */
  readonly initialAgeMs: number;
  /** How long past that it serves while a new one is fetched behind it. */
  readonly staleWhileRevalidateMs: number;
  /** How long past that it serves when the origin answers with an error. */
  readonly staleIfErrorMs: number;
  /** How long past that it serves when the origin cannot be reached. */
  readonly staleIfUnreachableMs: number;
  /** Every use needs a validation first. */
  readonly alwaysValidate: boolean;
  /** `must-revalidate` and its like: not stale even for a client that would take it. */
  readonly neverStale: boolean;
}

export type Verdict = { readonly store: false; readonly why: string } | ({ readonly store: true } & Lifetimes);

/** May be stored without explicit freshness (RFC 9110 §15.1). */
const HEURISTIC = new Set([200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501]);
/** Statuses whose handling this cache knows beyond "it has a status" (RFC 9111 §5.2.2.3). */
const UNDERSTOOD = new Set([...HEURISTIC, 201, 202, 302, 303, 307, 400, 401, 403, 406, 409, 500, 502, 503, 504]);
/** Stored on the policy's word alone; what is not a page is kept for a minute at most. */
const POLICY_MS: ReadonlyMap<number, number> = new Map([
  [200, Infinity],
  [203, Infinity],
  [301, Infinity],
  [308, Infinity],
  [404, 60_000],
  [410, 60_000],
]);
/** Ten per cent of the time since the last change, a day at most (RFC 9111 §4.2.2). */
const HEURISTIC_SHARE = 0.1;
const HEURISTIC_LONGEST_MS = 86_400_000;

/** Under pressure pages may be stale this many times as long before somebody has to wait for a new one. */
const GRACE_UNDER_PRESSURE = 1.5;

/** How long past its freshness a page serves while a new one is made behind it, and at most while the process is pressed. */
export function servesStaleMs(lifetimes: Lifetimes, profile: Profile): { readonly usualMs: number; readonly pressedMs: number } {
  const usualMs = lifetimes.staleWhileRevalidateMs;
  // By the letter of the RFC the origin's word counts at all times.
  if (profile === 'rfc') return { usualMs, pressedMs: usualMs };
  return { usualMs, pressedMs: Math.max(usualMs, lifetimes.staleIfUnreachableMs) * GRACE_UNDER_PRESSURE };
}

/** Whether the answer to a GET may be stored for everybody, and how long it is good for. */
export function judge(facts: AnswerFacts, policy: PageCachePolicy, profile: Profile): Verdict {
  const control = responseControl(facts.fields);
  const obstacle = whyNotStored(facts, control, profile);
  if (obstacle) return { store: false, why: obstacle };
  return policy.freshness === 'policy' ? byPolicy(facts, control, policy) : byOrigin(facts, control, policy, profile);
}

function whyNotStored(facts: AnswerFacts, control: ResponseControl, profile: Profile): string | undefined {
  const { status, fields } = facts;
  if (status < 200 || status === 304) return 'status';
  if (facts.requestNoStore) return 'request-no-store';
  if (control.mustUnderstand ? !UNDERSTOOD.has(status) : control.noStore) return 'no-store';
  if (control.private) return 'private';
  if (listMembers(fieldValue(fields, 'vary') ?? '').includes('*')) return 'vary';
  if (facts.hasAuthorization && !(control.public || control.mustRevalidate || control.sMaxAge !== undefined))
    return 'authorization';
  if (profile === 'safe') {
    if (facts.hasAuthorization) return 'authorization';
    if (fieldValue(fields, 'set-cookie') !== undefined) return 'set-cookie';
    if (facts.hasCookie && !control.meantForSharing) return 'cookie';
    if (isForOneOrigin(facts)) return 'cors';
  }
  return undefined;
}

/** Whether the answer lets in the one web origin that asked, and does not say that it is another for others. */
function isForOneOrigin({ fields, requestOrigin }: AnswerFacts): boolean {
  if (requestOrigin === undefined || firstLine(fields, 'access-control-allow-origin') !== requestOrigin) return false;
  return !listMembers(fieldValue(fields, 'vary') ?? '').some((name) => name.toLowerCase() === 'origin');
}

function byPolicy(facts: AnswerFacts, control: ResponseControl, policy: PageCachePolicy): Verdict {
  const longestMs = POLICY_MS.get(facts.status);
  if (longestMs === undefined) return { store: false, why: 'status' };
  if (control.noCache) return { store: false, why: 'no-cache' };
  const freshMs = Math.min(policy.revalidateMs, longestMs);
  const graceMs = longestMs === Infinity ? Math.max(policy.storeTtlMs - policy.revalidateMs, 0) + policy.graceMs : 0;
  return {
    store: true,
    freshMs,
    initialAgeMs: 0,
    staleWhileRevalidateMs: graceMs,
    staleIfErrorMs: graceMs,
    staleIfUnreachableMs: graceMs,
    alwaysValidate: false,
    neverStale: false,
  };
}

function byOrigin(facts: AnswerFacts, control: ResponseControl, policy: PageCachePolicy, profile: Profile): Verdict {
  const freshMs = lifetimeMs(facts, control, profile);
  if (freshMs === undefined) return { store: false, why: 'no-freshness' };
  const forbidden = control.mustRevalidate || control.noCache;
  const statedMs = (seconds: number | undefined): number => (forbidden ? 0 : (seconds ?? 0) * 1000);
  const staleIfErrorMs = statedMs(control.staleIfError ?? (profile === 'safe' ? policy.graceMs / 1000 : 0));
  return {
    store: true,
    freshMs: control.noCache ? 0 : freshMs,
    initialAgeMs: initialAgeMs(facts),
    staleWhileRevalidateMs: statedMs(control.staleWhileRevalidate),
    staleIfErrorMs,
    staleIfUnreachableMs: forbidden ? 0 : Math.max(staleIfErrorMs, policy.graceMs),
    alwaysValidate: control.noCache,
    neverStale: forbidden,
  };
}

/** Freshness lifetime (RFC 9111 §4.2.1); undefined when nothing allows reuse, not even after validation. */
function lifetimeMs(facts: AnswerFacts, control: ResponseControl, profile: Profile): number | undefined {
  const seconds = control.sMaxAge ?? control.maxAge;
  if (seconds !== undefined) return seconds * 1000;
  const expires = control.targeted ? undefined : firstLine(facts.fields, 'expires');
  const dateMs = dateOf(facts);
  if (expires !== undefined) return Math.max(0, (parseHttpDate(expires, facts.responseMs) ?? 0) - dateMs);
  const cacheable = HEURISTIC.has(facts.status) || control.public;
  if (!cacheable) return undefined;
  const modifiedMs = parseHttpDate(firstLine(facts.fields, 'last-modified'), facts.responseMs);
  const isDeprecatedNoCache = fieldValue(facts.fields, 'pragma')?.toLowerCase().includes('no-cache') ?? false;
  if (profile === 'rfc' && modifiedMs !== undefined && modifiedMs < dateMs && !isDeprecatedNoCache && !control.noCache) {
    return Math.min((dateMs - modifiedMs) * HEURISTIC_SHARE, HEURISTIC_LONGEST_MS);
  }
  const hasValidator = modifiedMs !== undefined || fieldValue(facts.fields, 'etag') !== undefined;
  return hasValidator || control.noCache ? 0 : undefined;
}

/** Corrected initial age (RFC 9111 §4.2.3). The first value of `Age` counts; one that is no number is ignored. */
function initialAgeMs(facts: AnswerFacts): number {
  const stated = /^\s*(\d+)\s*(?:$|[,;])/.exec(firstLine(facts.fields, 'age') ?? '')?.[1];
  const apparentMs = Math.max(0, facts.responseMs - dateOf(facts));
  const correctedMs = (stated === undefined ? 0 : Number(stated) * 1000) + (facts.responseMs - facts.requestMs);
  // HTTP-dates have whole seconds: less than one tells nothing.
  return Math.max(apparentMs < 1000 ? 0 : apparentMs, correctedMs);
}

function dateOf(facts: AnswerFacts): number {
  return parseHttpDate(firstLine(facts.fields, 'date'), facts.responseMs) ?? facts.responseMs;
}
