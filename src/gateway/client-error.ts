import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { problemBody } from './problems.ts';

/**
 * Answers bytes that are no acceptable request, and closes the connection. Returns the status sent, or undefined when
 * nobody was left to hear it.
 */
export function onClientError(error: NodeJS.ErrnoException, socket: Socket): number | undefined {
  if (error.code === 'ECONNRESET' || !socket.writable || hasBegunAnswer(socket)) {
    socket.destroy();
    return undefined;
  }
  const { status, detail } = verdictOn(error.code);
  const body = problemBody({ status, detail });
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${body.byteLength}\r\nConnection: close\r\n\r\n${body.toString()}`,
  );
  return status;
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

/** Whether bytes of an answer to an earlier part of the same request are out: another head would corrupt it. */
function hasBegunAnswer(socket: Socket): boolean {
  const { _httpMessage: message } = socket as Socket & {
    _httpMessage?: { headersSent: boolean; writableFinished: boolean } | null;
  };
  return message?.headersSent === true && !message.writableFinished;
}
