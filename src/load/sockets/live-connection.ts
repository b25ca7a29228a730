import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { messageOf } from '../../kernel/index.ts';
import { serverName, type Endpoint } from '../http1/connection.ts';
import type { Fault } from '../transport.ts';

/** What a live connection tells its loop. `onClosed` comes once, last, unless the owner itself ends it. */
export interface LiveOwner {
  /** The handshake is done. */
  onOpen(): void;
  /** A message; the bytes are valid during the call only. */
  onMessage(bytes: Buffer, start: number, end: number): void;
  onClosed(fault: Fault, detail: string): void;
}

/** A connection that stays: a WebSocket or an event stream. */
export interface LiveConnection {
  readonly open: boolean;
  /** Sends a text message; false where the protocol has no way back. */
  send(text: string): boolean;
  /** Stops reading, as a client does that cannot keep up. */
  pause(): void;
  resume(): void;
  /** Ends the connection; the owner does not hear of it. */
  destroy(): void;
}

const READ_BYTES = 65_536;
/**
 * One read buffer for all connections: POSIX reads into it only when there is something to read, and what was read is
 * handed on before the next read. On Windows reads are posted ahead, so there each connection has its own.
 */
const SHARED_BUFFER = process.platform === 'win32' ? undefined : Buffer.allocUnsafeSlow(READ_BYTES);

/** Opens a socket that hands what it reads to `received` without keeping it. */
export function openLiveSocket(
  endpoint: Endpoint,
  handlers: {
    readonly connected: (socket: Socket) => void;
    readonly received: (bytes: Buffer, length: number) => void;
    readonly lost: (fault: Fault, detail: string) => void;
  },
): Socket {
  let connected = false;
  const opened = (): void => {
    connected = true;
    handlers.connected(socket);
  };
  const socket = endpoint.tls ? openTls(endpoint, opened, handlers.received) : openTcp(endpoint, opened, handlers.received);
  socket.setNoDelay(true);
  socket.on('error', (error) => handlers.lost(connected ? 'reset' : 'connect', messageOf(error)));
  socket.on('end', () => handlers.lost('closed', 'the server closed the connection'));
  socket.on('close', () => handlers.lost(connected ? 'closed' : 'connect', 'the connection was closed'));
  return socket;
}

function openTcp({ address, port }: Endpoint, opened: () => void, received: (bytes: Buffer, length: number) => void): Socket {
  const buffer = SHARED_BUFFER ?? Buffer.allocUnsafeSlow(READ_BYTES);
  const callback = (length: number): boolean => {
    received(buffer, length);
    return true;
  };
  return connectTcp({ host: address, port, onread: { buffer, callback } }, opened);
}

function openTls(endpoint: Endpoint, opened: () => void, received: (bytes: Buffer, length: number) => void): Socket {
  const { address, port, verifyCertificate } = endpoint;
  const tls = { host: address, port, servername: serverName(endpoint), rejectUnauthorized: verifyCertificate };
  const socket = connectTls(tls, opened);
  socket.on('data', (chunk: Buffer) => received(chunk, chunk.length));
  return socket;
}

/** How many bytes the head of an answer takes, blank line included; 0 when it is not whole. */
export function headLength(bytes: Buffer): number {
  const end = bytes.indexOf('\r\n\r\n');
  return end < 0 ? 0 : end + 4;
}
