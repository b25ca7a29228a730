import { SpillwayError } from '../../kernel/index.ts';
import type { EncodedRequest } from '../transport.ts';

/** A request as scenarios write it. */
export interface RequestOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as it is. */
  readonly body?: string | Uint8Array;
  /** Sent as JSON, with its content type. */
  readonly json?: unknown;
}

const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const BODILESS = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'DELETE']);

/**
 * Writes a request once, for every transport. Refuses what would break the message: spaces or control characters in the
 * method, the path, a name or a value.
 */
export function encodeRequest(
  method: string,
  path: string,
  authority: string,
  options: RequestOptions = {},
  keepAlive = true,
): EncodedRequest {
  if (!TOKEN.test(method)) refuse(`${JSON.stringify(method)} is not a method`);
  if (!/^\/[\x21-\x7e]*$/.test(path)) refuse(`${JSON.stringify(path)} is not a path: it starts with / and is percent-encoded`);
  const headers: string[] = [];
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    if (!TOKEN.test(name)) refuse(`${JSON.stringify(name)} is not a header name`);
    if (/[\0\r\n]/.test(value)) refuse(`the value of ${name} contains a line break`);
    if (!['host', 'content-length', 'connection', 'transfer-encoding'].includes(name.toLowerCase())) {
      headers.push(name.toLowerCase(), value);
    }
  }
  const body = bodyOf(options);
  if (options.json !== undefined && !headers.includes('content-type')) headers.push('content-type', 'application/json');
  const host = Object.entries(options.headers ?? {}).find(([name]) => name.toLowerCase() === 'host')?.[1] ?? authority;
  const http1 = encodeHttp1(method, path, host, headers, body, keepAlive);
  return { method, path, headers, body, http1, idempotent: IDEMPOTENT.has(method) };
}

function bodyOf(options: RequestOptions): Buffer | undefined {
  if (options.json !== undefined) return Buffer.from(JSON.stringify(options.json));
  return options.body === undefined ? undefined : Buffer.from(options.body);
}

function encodeHttp1(
  method: string,
  path: string,
  host: string,
  headers: readonly string[],
  body: Buffer | undefined,
  keepAlive: boolean,
): Buffer {
  let head = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\n`;
  for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`;
  if (!keepAlive) head += 'connection: close\r\n';
  if (body || !BODILESS.has(method)) head += `content-length: ${body?.length ?? 0}\r\n`;
  const bytes = Buffer.from(`${head}\r\n`, 'latin1');
  return body ? Buffer.concat([bytes, body]) : bytes;
}

function refuse(message: string): never {
  throw new SpillwayError('SPILLWAY_LOAD_SCENARIO', message);
}
