import type { UpstreamRequest } from '../ports/index.ts';
import type { OutboundRequest } from './outbound-request.ts';
import { HOP_BY_HOP, isPassedOn } from './passed-fields.ts';

/** Methods that may be repeated when it is not known whether the first attempt was carried out (RFC 9110 §9.2.2). */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);
/** Methods that mean something by a body: without one they say so. */
const WITH_BODY = new Set(['POST', 'PUT', 'PATCH']);

const METHOD = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const TARGET = /^[\x21-\x7e\x80-\xff]+$/;
const BAD_VALUE = /[^\t\x20-\x7e\x80-\xff]/;

/** The request as it is written to an endpoint; undefined when it cannot be: a line end in a field would begin another one. */
export function outboundOf(request: UpstreamRequest): OutboundRequest | undefined {
  const { method, target, body } = request;
  if (!METHOD.test(method) || !TARGET.test(target)) return undefined;
  const fields = requestFields(request);
  let head = requestLine(method, target);
  let declared: string | undefined;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!;
    const value = fields[i + 1]!;
    if (!METHOD.test(name) || BAD_VALUE.test(value)) return undefined;
    if (name === 'content-length') {
      if (declared !== undefined && declared !== value) return undefined;
      declared = value;
    } else head += `${name}: ${value}\r\n`;
  }
  const isBytes = body instanceof Uint8Array;
  const bodyBytes = isBytes ? body.byteLength : /^\d{1,15}$/.test(declared ?? '') ? Number(declared) : undefined;
  if (body === undefined) head += WITH_BODY.has(method) ? 'content-length: 0\r\n\r\n' : '\r\n';
  else if (bodyBytes === undefined) head += 'transfer-encoding: chunked\r\n\r\n';
  else head += `content-length: ${bodyBytes}\r\n\r\n`;
  const repeatable = IDEMPOTENT.has(method) && (body === undefined || isBytes);
  return { isHead: method === 'HEAD', head, body, bodyBytes, repeatable };
}

export function requestLine(method: string, target: string): string {
  return `${method} ${target} HTTP/1.1\r\n`;
}

/** The fields to send to the upstream, `Host` first. */
export function requestFields(request: UpstreamRequest): string[] {
  const fields = ['host', request.authority];
  const { headers } = request;
  const nominated = connectionOptions(headers);
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!;
    if (!isPassedOn(name) || nominated?.has(name)) continue;
    fields.push(name, headers[i + 1]!);
  }
  fields.push(...forwardingFields(request));
  return fields;
}

/** Who sent the request, and that it came through here. */
export function forwardingFields({
  clientIp,
  scheme,
  authority,
}: Pick<UpstreamRequest, 'clientIp' | 'scheme' | 'authority'>): string[] {
  if (clientIp === undefined) return ['via', '1.1 spillway'];
  return [
    'x-forwarded-for',
    clientIp,
    'x-forwarded-proto',
    scheme,
    'x-forwarded-host',
    authority,
    'forwarded',
    `for=${forwardedNode(clientIp)};host="${authority}";proto=${scheme}`,
    'via',
    '1.1 spillway',
  ];
}

/**
 * An upstream's fields without those of its connection, and without its announcement of trailers: they go on with a chunked
 * answer, and what is sent with a length instead must not announce any.
 */
export function responseFields(fields: readonly string[]): string[] {
  const kept: string[] = [];
  const nominated = connectionOptions(fields);
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!;
    if (!HOP_BY_HOP.has(name) && name !== 'trailer' && !nominated?.has(name)) kept.push(name, fields[i + 1]!);
  }
  return kept;
}

/** An IPv6 address is quoted and bracketed (RFC 7239 §6). */
function forwardedNode(address: string): string {
  return address.includes(':') ? `"[${address}]"` : address;
}

/** Fields that Connection fields name as belonging to this connection; undefined when they name none. */
function connectionOptions(headers: readonly string[]): Set<string> | undefined {
  let nominated: Set<string> | undefined;
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] !== 'connection') continue;
    const options = nominatedBy(headers[i + 1]!);
    if (options) nominated = new Set([...(nominated ?? []), ...options]);
  }
  return nominated;
}

function nominatedBy(connection: string): string[] | undefined {
  if (connection === 'keep-alive' || connection === 'close') return undefined;
  return connection
    .toLowerCase()
    .split(',')
    .map((option) => option.trim());
}
