/** What of a request is known before anybody works on it. */
export interface RequestSketch {
  readonly method: string;
  readonly path: string;
  /** Without its `?`; empty when there is none. */
  readonly query: string;
}

/** Of a longer request only the beginning counts. */
const LONGEST = 255;

/** A request by its whole target: `GET /search?q=1`. */
export function fingerprintOf({ method, path, query }: RequestSketch): string {
  return (query === '' ? `${method} ${path}` : `${method} ${path}?${query}`).slice(0, LONGEST);
}

/** The same whatever its query: `GET /search`. */
export function withoutQuery(fingerprint: string): string {
  const mark = fingerprint.indexOf('?');
  return mark === -1 ? fingerprint : fingerprint.slice(0, mark);
}
