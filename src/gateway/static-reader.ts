import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';

/** What is read at once. All connections share it: a read is used up before the next one begins. */
const READ_BYTES = 65_536;
const buffer = Buffer.allocUnsafeSlow(READ_BYTES);

/** The connection below a socket, which Node keeps to itself. */
interface WithHandle {
  _handle?: object | null;
}

/**
 * The same connection as a socket that reads into one buffer for all, in place of a new one for each read. Node does so only
 * for sockets that are made for it, so a new one is made round the connection of the old; each ends with the other. A socket
 * that lets nobody at its connection, such as TLS, is read from as ever.
 *
 * @param onBytes hears what was read; the bytes are valid during the call.
 */
export function readStatically(socket: Duplex, onBytes: (bytes: Buffer) => void): Duplex {
  const handle = (socket as WithHandle)._handle;
  if (
    !(socket instanceof Socket) ||
    socket instanceof TLSSocket ||
    !handle ||
    socket.readableLength > 0 ||
    socket.writableLength > 0
  ) {
    socket.on('data', onBytes);
    return socket;
  }
  const callback = (length: number): boolean => (onBytes(buffer.subarray(0, length)), true);
  (socket as WithHandle)._handle = null;
  const anew = new Socket({ handle, allowHalfOpen: true, onread: { buffer, callback } } as object);
  anew.once('close', () => socket.destroy());
  socket.once('close', () => anew.destroy());
  return anew;
}
