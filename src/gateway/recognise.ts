/** What a plain GET asks for. */
export interface PlainGet {
  readonly authority: string;
  /** Path and query, the path in its normal spelling. */
  readonly target: string;
  readonly acceptEncoding: string;
  readonly userAgent: string | undefined;
  readonly referer: string | undefined;
}

/**
 * Fields that change neither which answer a plain GET gets nor how the connection goes on. Everything else (conditions,
 * ranges, bodies, forwarding and credentials, and all that is unknown) is for the HTTP server.
 */
const HARMLESS = new Set([
  'accept',
  'accept-language',
  'cookie',
  'dnt',
  'priority',
  'save-data',
  'sec-ch-ua',
  'sec-ch-ua-mobile',
  'sec-ch-ua-platform',
  'sec-fetch-dest',
  'sec-fetch-mode',
  'sec-fetch-site',
  'sec-fetch-user',
  'sec-gpc',
  'upgrade-insecure-requests',
]);

const REQUEST_LINE = /^GET (\/[A-Za-z0-9\-_~!$&'()*+,;=:@/.]*(?:\?[A-Za-z0-9\-_~!$&'()*+,;=:@/.?%[\]]*)?) HTTP\/1\.1$/;
const FIELD = /^([A-Za-z][A-Za-z0-9-]*): ?([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)$/;
/** A host that is its own normal form once in lower case; the default port would not be. */
const HOST = /^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::(?!80$)[1-9]\d{0,4})?$/;

/**
 * Recognises a whole request head, line ends included, as a plain GET over a connection that stays open. It is strict:
 * one spelling of each thing, known fields only, each at most once. Undefined for all it does not fully understand.
 */
export function recognisePlainGet(head: string, maxUrlBytes: number): PlainGet | undefined {
  if (!head.endsWith('\r\n\r\n')) return undefined;
  const lines = head.slice(0, -4).split('\r\n');
  const target = REQUEST_LINE.exec(lines[0]!)?.[1];
  if (target === undefined || target.length > maxUrlBytes || hasDotSegment(target)) return undefined;
  let authority: string | undefined;
  let acceptEncoding = '';
  let userAgent: string | undefined;
  let referer: string | undefined;
  const seen = new Set<string>();
  for (let i = 1; i < lines.length; i++) {
    const field = FIELD.exec(lines[i]!);
    if (!field) return undefined;
    const name = field[1]!.toLowerCase();
    const value = field[2]!;
    if (seen.has(name)) return undefined;
    seen.add(name);
    if (name === 'host') {
      if (!HOST.test(value)) return undefined;
      authority = value.toLowerCase();
    } else if (name === 'accept-encoding') acceptEncoding = value;
    else if (name === 'user-agent') userAgent = value;
    else if (name === 'referer') referer = value;
    else if (name === 'connection') {
      if (value.toLowerCase() !== 'keep-alive') return undefined;
    } else if (!HARMLESS.has(name)) return undefined;
  }
  return authority === undefined ? undefined : { authority, target, acceptEncoding, userAgent, referer };
}

function hasDotSegment(target: string): boolean {
  const dot = target.indexOf('/.');
  if (dot === -1) return false;
  const mark = target.indexOf('?');
  return mark === -1 || dot < mark;
}
