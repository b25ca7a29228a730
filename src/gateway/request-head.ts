import type { IncomingMessage } from 'node:http';
import type { Refusal } from './gateway-exchange.ts';

/** The fields the gateway itself looks at, read in one go: Node's `headers` would build an object of all. */
export interface RequestHead {
  hosts: number;
  host: string | undefined;
  contentLength: number;
  transferEncoding: string | undefined;
  requestId: string | undefined;
  /** Lists in the order they came, joined as one field. */
  forwardedFor: string | undefined;
  forwardedProto: string | undefined;
  forwardedHost: string | undefined;
}

export function readHead({ rawHeaders }: IncomingMessage): RequestHead {
  const head: RequestHead = {
    hosts: 0,
    host: undefined,
    contentLength: 0,
    transferEncoding: undefined,
    requestId: undefined,
    forwardedFor: undefined,
    forwardedProto: undefined,
    forwardedHost: undefined,
  };
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    // Most fields are told apart by their length alone.
    switch (name.length) {
      case 4:
      case 10:
      case 12:
      case 14:
      case 15:
      case 16:
      case 17:
        readField(head, name.toLowerCase(), rawHeaders[i + 1]!);
    }
  }
  return head;
}

function readField(head: RequestHead, name: string, value: string): void {
  switch (name) {
    case 'host':
    case ':authority':
      // Both may stand in an HTTP/2 request, as long as they agree.
      if (head.host !== value) head.hosts++;
      head.host = value;
      break;
    case 'content-length':
      head.contentLength = Number(value);
      break;
    case 'transfer-encoding':
      head.transferEncoding = joined(head.transferEncoding, value);
      break;
    case 'x-request-id':
      head.requestId = value;
      break;
    case 'x-forwarded-for':
      head.forwardedFor = joined(head.forwardedFor, value);
      break;
    case 'x-forwarded-proto':
      head.forwardedProto = joined(head.forwardedProto, value);
      break;
    case 'x-forwarded-host':
      head.forwardedHost = joined(head.forwardedHost, value);
  }
}

/**
 * Framing that the parser lets through and that another server may read in another way. The parser itself refuses
 * Content-Length beside Transfer-Encoding, differing lengths, and bare line feeds.
 */
export function framingProblem(head: RequestHead, httpVersion: string, maxBodyBytes: number): Refusal | undefined {
  if (head.hosts > 1) return { status: 400, detail: 'Bad request: more than one Host field.' };
  if (head.hosts === 0 && httpVersion !== '1.0') return { status: 400, detail: 'Bad request: the Host field is missing.' };
  if (head.contentLength > maxBodyBytes) return { status: 413, detail: `The request body is larger than ${maxBodyBytes} bytes.` };
  const coding = head.transferEncoding;
  if (coding === undefined) return undefined;
  if (httpVersion === '1.0') return { status: 400, detail: 'Bad request: HTTP/1.0 has no Transfer-Encoding.' };
  if (coding.toLowerCase() !== 'chunked') return { status: 501, detail: 'Only the chunked transfer coding is understood.' };
  return undefined;
}

/** The value the nearest proxy added. */
export function lastOf(list: string | undefined): string | undefined {
  return list === undefined ? undefined : list.slice(list.lastIndexOf(',') + 1).trim();
}

function joined(before: string | undefined, value: string): string {
  return before === undefined ? value : `${before},${value}`;
}
