import type { UpstreamRequest } from '../ports/index.ts';

/** Fields that belong to one connection (RFC 9110 §7.6.1) and are never passed on. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/**
 * Fields of a request that Spillway answers for itself: who the client is, which host it asked for, and whether it waits
 * for a go-ahead. What a client claims about them never reaches the upstream.
 */
const OWN = new Set([
  'host',
  'expect',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-real-ip',
]);

/** The fields to send to the upstream, `Host` first. */
export function requestFields(request: UpstreamRequest): string[] {
  const fields = ['host', request.authority];
  const { headers } = request;
  const nominated = connectionOptions(headers);
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!;
    if (HOP_BY_HOP.has(name) || OWN.has(name) || nominated?.has(name)) continue;
    fields.push(name, headers[i + 1]!);
  }
  const { clientIp, scheme, authority } = request;
  if (clientIp !== undefined) {
    fields.push('x-forwarded-for', clientIp, 'x-forwarded-proto', scheme, 'x-forwarded-host', authority);
    fields.push('forwarded', `for=${forwardedNode(clientIp)};host="${authority}";proto=${scheme}`);
  }
  fields.push('via', '1.1 spillway');
  return fields;
}

/** An upstream's fields without those of its connection; values of one name each on their own. */
export function responseFields(headers: Readonly<Record<string, string | string[] | undefined>>): string[] {
  const fields: string[] = [];
  const nominated = nominatedBy(headers['connection']);
  for (const name in headers) {
    if (HOP_BY_HOP.has(name) || nominated?.has(name)) continue;
    const value = headers[name];
    if (value === undefined) continue;
    if (typeof value === 'string') fields.push(name, value);
    else for (const one of value) fields.push(name, one);
  }
  return fields;
}

/** An IPv6 address is quoted and bracketed (RFC 7239 §6). */
function forwardedNode(address: string): string {
  return address.includes(':') ? `"[${address}]"` : address;
}

/** Fields the Connection field names as belonging to this connection; undefined when it names none. */
function connectionOptions(headers: readonly string[]): Set<string> | undefined {
  let nominated: Set<string> | undefined;
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] === 'connection') nominated = new Set([...(nominated ?? []), ...(nominatedBy(headers[i + 1]) ?? [])]);
  }
  return nominated;
}

function nominatedBy(connection: string | string[] | undefined): Set<string> | undefined {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return undefined;
  const options = String(connection)
    .toLowerCase()
    .split(',')
    .map((option) => option.trim());
  return new Set(options);
}
