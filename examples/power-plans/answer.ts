import type { Html } from './html.ts';

/** What a page or the API answers; the server adds the rest of the head. */
export interface Answer {
  readonly status: number;
  readonly type:
    | 'text/html; charset=utf-8'
    | 'application/json'
    | 'application/problem+json'
    | 'application/xml'
    | 'text/plain; charset=utf-8'
    | 'text/css; charset=utf-8'
    | 'image/svg+xml';
  readonly body: string;
  /** `Cache-Tag`: what the answer shows, so that a change finds it. */
  readonly tags?: readonly string[];
  readonly cacheControl: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Browsers ask each time whether their copy still holds; shared caches keep it for 15 minutes, unless told of a change. */
const PAGE_CACHE_CONTROL = 'public, max-age=0, s-maxage=900';
export const NEVER_STORED = 'no-store';

export function page(body: Html, tags: readonly string[], status = 200): Answer {
  return { status, type: 'text/html; charset=utf-8', body: body.text, tags, cacheControl: PAGE_CACHE_CONTROL };
}

export function privatePage(body: Html, status = 200): Answer {
  return { status, type: 'text/html; charset=utf-8', body: body.text, cacheControl: NEVER_STORED };
}

/** @param location a path: which host the client asked is for those in front to know. */
export function redirect(location: string, status: 301 | 303 = 301): Answer {
  const cacheControl = status === 301 ? 'public, max-age=3600' : NEVER_STORED;
  return { status, type: 'text/plain; charset=utf-8', body: `See ${location}\n`, cacheControl, headers: { location } };
}

export function json(value: unknown, status = 200): Answer {
  return { status, type: 'application/json', body: `${JSON.stringify(value, undefined, 2)}\n`, cacheControl: NEVER_STORED };
}

/** What is wrong with one field of a request. */
export interface FieldProblem {
  readonly field: string;
  readonly message: string;
}

/** A problem document (RFC 9457). */
export function problem(status: number, title: string, detail: string, errors?: readonly FieldProblem[]): Answer {
  const body = { type: 'about:blank', title, status, detail, ...(errors && { errors }) };
  return {
    status,
    type: 'application/problem+json',
    body: `${JSON.stringify(body, undefined, 2)}\n`,
    cacheControl: NEVER_STORED,
  };
}
