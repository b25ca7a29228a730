import type { Socket } from 'node:net';
import { canonicalAddress } from './client-address.ts';

const V2_SIGNATURE = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]);
/** The longest line of version 1. */
const V1_BYTES = 107;
/** Version 2 carries extensions; this much of them is waited for. */
const MOST_BYTES = 2048;

export type ProxyHeader =
  /** `address` is undefined for the proxy's own connections, such as its health checks. */
  | { readonly kind: 'header'; readonly length: number; readonly address: string | undefined }
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'wrong' };

/** Reads the PROXY protocol's header, version 1 or 2, from the first bytes of a connection. */
export function parseProxyHeader(bytes: Buffer): ProxyHeader {
  const compared = Math.min(bytes.length, V2_SIGNATURE.length);
  if (compared > 0 && bytes.compare(V2_SIGNATURE, 0, compared, 0, compared) === 0) return parseV2(bytes);
  return parseV1(bytes);
}

function parseV1(bytes: Buffer): ProxyHeader {
  const text = bytes.toString('latin1', 0, V1_BYTES);
  const end = text.indexOf('\r\n');
  if (end === -1) {
    const mayBecome = text.length < V1_BYTES && ('PROXY '.startsWith(text.slice(0, 6)) || text.startsWith('PROXY '));
    return { kind: mayBecome ? 'incomplete' : 'wrong' };
  }
  const [word, family, source] = text.slice(0, end).split(' ');
  if (word !== 'PROXY') return { kind: 'wrong' };
  if (family === 'UNKNOWN') return { kind: 'header', length: end + 2, address: undefined };
  const address = /^TCP[46]$/.test(family ?? '') ? canonicalAddress(source ?? '') : '';
  return address === '' ? { kind: 'wrong' } : { kind: 'header', length: end + 2, address };
}

function parseV2(bytes: Buffer): ProxyHeader {
  if (bytes.length < 16) return { kind: 'incomplete' };
  const length = 16 + bytes.readUInt16BE(14);
  if (bytes[12]! >> 4 !== 2 || length > MOST_BYTES) return { kind: 'wrong' };
  if (bytes.length < length) return { kind: 'incomplete' };
  const local = (bytes[12]! & 0x0f) === 0;
  const family = bytes[13]! >> 4;
  if (local || family === 0) return { kind: 'header', length, address: undefined };
  if (family === 1 && length >= 28) return { kind: 'header', length, address: bytes.subarray(16, 20).join('.') };
  if (family === 2 && length >= 52) return { kind: 'header', length, address: canonicalAddress(ipv6Of(bytes.subarray(16, 32))) };
  return { kind: 'wrong' };
}

function ipv6Of(bytes: Buffer): string {
  return Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(at * 2).toString(16)).join(':');
}

/**
 * Takes the header off a new connection: `accept` gets the socket, whose `remoteAddress` is the client's from then on, and
 * what came behind the header. A connection that does not begin with one is closed.
 */
export function awaitProxyHeader(socket: Socket, timeoutMs: number, accept: (rest: Buffer) => void): void {
  let bytes: Buffer = Buffer.alloc(0);
  const close = (): void => void socket.destroy();
  const onData = (chunk: Buffer): void => {
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
    const header = parseProxyHeader(bytes);
    if (header.kind === 'wrong') return close();
    if (header.kind === 'incomplete') return;
    socket.off('data', onData);
    socket.off('timeout', close);
    socket.off('error', close);
    socket.setTimeout(0);
    if (header.address !== undefined) Object.defineProperty(socket, 'remoteAddress', { value: header.address });
    accept(bytes.subarray(header.length));
  };
  socket.setTimeout(timeoutMs);
  socket.on('timeout', close);
  socket.on('error', close);
  socket.on('data', onData);
}
