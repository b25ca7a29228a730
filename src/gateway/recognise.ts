import type { PreparedRequest } from '../ports/index.ts';
import { isPassedOn } from './passed-fields.ts';

/** A request without a body, in the one spelling that is understood, over a connection that stays open. */
export interface PlainRequest extends PreparedRequest {
  readonly method: 'GET' | 'HEAD';
  /** Path and query, the path in its normal spelling. */
  readonly target: string;
  readonly authority: string;
  readonly userAgent: string | undefined;
  readonly referer: string | undefined;
  /** It says nothing that stored bytes could not answer: no range, no credentials, no condition but `If-None-Match`. */
  readonly storable: boolean;
  readonly fields: PlainFields;
  /** Its head as it came, once it came alone: shared by all connections, so that it is in the processor's cache. */
  bytes: Buffer | undefined;
}

/** The fields of plain requests, read once for all requests that carry the same. */
export interface PlainFields {
  readonly authority: string;
  /** What goes on to an upstream: names in lower case and values, in turn. */
  readonly passedOn: readonly string[];
  readonly byName: Readonly<Record<string, string>>;
  readonly storable: boolean;
}

/**
 * Fields that change neither which answer a plain GET gets nor how the connection goes on, but for `If-None-Match`, which
 * the stored answer is asked about. With any other, also an unknown one, it is not answered from stored bytes.
 */
const HARMLESS = new Set([
  'host',
  'if-none-match',
  'connection',
  'accept',
  'accept-encoding',
  'accept-language',
  'cookie',
  'dnt',
  'priority',
  'referer',
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
  'user-agent',
]);

/** Fields that frame a body or say something to Spillway itself, and so are for the HTTP server. */
const FOR_THE_SERVER = /^(?:content-|trailer|x-request-id|http2-settings|x-forwarded-|x-real-ip|forwarded|expect)/;

const REQUEST_LINE = /^(GET|HEAD) (\/[A-Za-z0-9\-_~!$&'()*+,;=:@/.]*(?:\?[A-Za-z0-9\-_~!$&'()*+,;=:@/.?%[\]]*)?) HTTP\/1\.1$/;
const FIELD = /^([A-Za-z][A-Za-z0-9-]*): ?([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)$/;
/** A host that is its own normal form once in lower case; the default port would not be. */
const HOSTS = {
  http: /^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::(?!80$)[1-9]\d{0,4})?$/,
  https: /^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::(?!443$)[1-9]\d{0,4})?$/,
} as const;

/** Heads and field sections that were recognised, by their text: clients send the same ones again and again. */
const MOST_KNOWN = 2000;

/**
 * Recognises whole request heads, line ends included, as plain requests. It is strict: one spelling of each thing, each
 * field at most once. Undefined for all it does not fully understand.
 */
export class Recogniser {
  readonly #maxUrlBytes: number;
  readonly #scheme: 'http' | 'https';
  readonly #requests = new Map<string, PlainRequest>();
  readonly #fields = new Map<string, PlainFields>();

  constructor(maxUrlBytes: number, scheme: 'http' | 'https') {
    this.#maxUrlBytes = maxUrlBytes;
    this.#scheme = scheme;
  }

  recognise(head: string): PlainRequest | undefined {
    const known = this.#requests.get(head);
    if (known) return known;
    const request = this.#read(head);
    if (request) remember(this.#requests, head, request);
    return request;
  }

  #read(head: string): PlainRequest | undefined {
    const lineEnd = head.indexOf('\r\n');
    if (lineEnd === -1 || !head.endsWith('\r\n\r\n')) return undefined;
    const line = REQUEST_LINE.exec(head.slice(0, lineEnd));
    if (!line || line[2]!.length > this.#maxUrlBytes || hasDotSegment(line[2]!)) return undefined;
    const fields = this.#readFields(head.slice(lineEnd + 2, -4));
    if (!fields) return undefined;
    const { authority, byName } = fields;
    const method = line[1] as PlainRequest['method'];
    return {
      method,
      target: line[2]!,
      authority,
      url: `${this.#scheme}://${authority}${line[2]!}`,
      acceptEncoding: byName['accept-encoding'] ?? '',
      ifNoneMatch: byName['if-none-match'],
      userAgent: byName['user-agent'],
      referer: byName['referer'],
      storable: fields.storable && method === 'GET',
      fields,
      bytes: undefined,
    };
  }

  #readFields(section: string): PlainFields | undefined {
    const known = this.#fields.get(section);
    if (known) return known;
    const fields = plainFields(section, HOSTS[this.#scheme]);
    if (fields) remember(this.#fields, section, fields);
    return fields;
  }
}

function remember<T>(known: Map<string, T>, text: string, value: T): void {
  if (known.size >= MOST_KNOWN) known.clear();
  known.set(text, value);
}

function plainFields(section: string, isHost: RegExp): PlainFields | undefined {
  const byName = Object.create(null) as Record<string, string>;
  const passedOn: string[] = [];
  let storable = true;
  for (const line of section.split('\r\n')) {
    const field = FIELD.exec(line);
    if (!field) return undefined;
    const name = field[1]!.toLowerCase();
    const value = field[2]!;
    if (name in byName || FOR_THE_SERVER.test(name)) return undefined;
    byName[name] = value;
    if (name === 'connection') {
      if (value.toLowerCase() !== 'keep-alive') return undefined;
    } else if (isPassedOn(name)) passedOn.push(name, value);
    else if (name !== 'host') return undefined;
    storable &&= HARMLESS.has(name);
  }
  const host = byName['host'];
  if (host === undefined || !isHost.test(host)) return undefined;
  return { authority: host.toLowerCase(), passedOn, byName, storable };
}

function hasDotSegment(target: string): boolean {
  const dot = target.indexOf('/.');
  if (dot === -1) return false;
  const mark = target.indexOf('?');
  return mark === -1 || dot < mark;
}
