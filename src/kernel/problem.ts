import { STATUS_CODES } from 'node:http';

/** A refusal or fault as a client reads it: a problem document (RFC 9457). */
export interface ProblemDocument {
  readonly status: number;
  /** URI of the kind of problem; by default `about:blank`: the status says what kind it is. */
  readonly type?: string;
  /** What kind of problem it is, in words; by default the status' own phrase. */
  readonly title?: string;
  /** What is wrong with this request, for whoever sent it. */
  readonly detail?: string | undefined;
  /** Identifies this occurrence: the request's id. */
  readonly instance?: string | undefined;
  /** Members of this kind of problem alone, in the order they are written. */
  readonly more?: Readonly<Record<string, unknown>>;
}

export const PROBLEM_TYPE = 'application/problem+json';

/** The problem types of the IETF's RateLimit draft, as registered with IANA. */
export const PROBLEM_KINDS = {
  quotaExceeded: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
  reducedCapacity: 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity',
} as const;

/** The document as JSON. Members that are undefined are left out. */
export function problemText({ status, type, title, detail, instance, more }: ProblemDocument): string {
  return JSON.stringify({
    type: type ?? 'about:blank',
    title: title ?? STATUS_CODES[status] ?? 'Error',
    status,
    detail,
    instance,
    ...more,
  });
}

/** The fields that go with a document of `bytes`, names and values: what it is, how long, and that nobody may keep it. */
export function problemFields(bytes: number): [name: string, value: string][] {
  return [
    ['content-type', PROBLEM_TYPE],
    ['content-length', String(bytes)],
    ['cache-control', 'no-store'],
  ];
}
