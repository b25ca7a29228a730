import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { headText } from './head-text.ts';
import { problemAnswer } from './problems.ts';

/** Whether an answer to an earlier request on this connection is not out yet. */
export function isAnswerDue(socket: Duplex): boolean {
  return Boolean((socket as HttpSocket)._httpMessage);
}

/** A socket as Node's HTTP server keeps it. */
interface HttpSocket extends Socket {
  /** The answer being given; those to pipelined requests wait behind it. */
  readonly _httpMessage?: ServerResponse | null;
  readonly parser?: { readonly incoming?: IncomingMessage | null } | null;
}

/**
 * Answers bytes that are no acceptable request, and closes the connection. Answers that are due for earlier requests are
 * given first: an error in their place would be taken for one of them. Returns the status sent, or undefined when none was.
 *
 * @param more fields to send with it.
 */
export function onClientError(
  error: NodeJS.ErrnoException,
  socket: HttpSocket,
  more: readonly string[] = [],
): number | undefined {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return undefined;
  }
  const due = socket._httpMessage;
  if (due) {
    const brokeOff = socket.parser?.incoming === due.req && !due.req.complete;
    if (brokeOff && due.headersSent) socket.destroy();
    if (!brokeOff) closeAfter(due, socket);
    if (!brokeOff || due.headersSent) return undefined;
  }
  const { status, detail } = verdictOn(error.code);
  const { fields, body } = problemAnswer({ status, detail }, [...more, 'connection', 'close']);
  socket.end(Buffer.concat([Buffer.from(headText(status, fields), 'latin1'), body]), () => socket.destroy());
  return status;
}

const closing = new WeakSet<Socket>();

function closeAfter(due: ServerResponse, socket: HttpSocket): void {
  if (closing.has(socket)) return;
  closing.add(socket);
  const onFinish = (): void => {
    // Node has put the next answer in its place by now.
    if (socket._httpMessage) socket._httpMessage.once('finish', onFinish);
    else socket.destroySoon();
  };
  due.once('finish', onFinish);
}

function verdictOn(code: string | undefined): { readonly status: number; readonly detail: string } {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return { status: 431, detail: 'The request head is too large.' };
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return { status: 413, detail: 'The chunk extensions are too large.' };
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return { status: 408, detail: 'The request took too long to arrive.' };
    default:
      return { status: 400, detail: 'The request is not valid HTTP.' };
  }
}
