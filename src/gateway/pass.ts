import type { IncomingMessage } from 'node:http';
import { SpillwayError } from '../kernel/index.ts';
import type { Exchange, UpstreamExchange, UpstreamReceiver, UpstreamRequest } from '../ports/index.ts';
import { problemOf, sendProblem } from './problems.ts';

/** What an exchange asks of its upstream. */
export function upstreamRequestOf(exchange: Exchange): UpstreamRequest {
  const { request, route, method, scheme, authority, path, query, clientIp } = exchange;
  return {
    upstream: route.upstream,
    method,
    scheme,
    authority,
    target: query === '' ? path : `${path}?${query}`,
    headers: headersOf(request, exchange.requestId),
    body: hasBody(request) ? request : undefined,
    timeoutMs: route.timeoutMs,
    clientIp,
  };
}

/** The fields of a request, names in lower case, with the id the gateway decided on. */
export function headersOf({ rawHeaders }: IncomingMessage, requestId: string): string[] {
  const headers = ['x-request-id', requestId];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    if (name !== 'x-request-id') headers.push(name, rawHeaders[i + 1]!);
  }
  return headers;
}

function hasBody({ rawHeaders }: IncomingMessage): boolean {
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (name.length === 14 && name.toLowerCase() === 'content-length') return rawHeaders[i + 1] !== '0';
    if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') return true;
  }
  return false;
}

/** Up to this size a whole body is written together with its head in one piece. */
const ONE_PIECE_BYTES = 16 * 1024;

/** Writes an upstream's answer to the client as it comes, at the pace the client takes it. */
export class PassReceiver implements UpstreamReceiver {
  readonly #exchange: Exchange;
  #upstream: UpstreamExchange | undefined;
  #extraFields: (() => readonly string[]) | undefined;
  /** Bytes still to come by Content-Length: the last piece is sent together with the end. */
  #bytesLeft = Infinity;
  #ended = false;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  /**
   * From now on a client that goes away ends the request to the upstream, and one that takes more resumes it.
   *
   * @param extraFields asked for when the answer begins: fields to send with it.
   */
  attach(upstream: UpstreamExchange, extraFields?: () => readonly string[]): void {
    this.#upstream = upstream;
    this.#extraFields = extraFields;
    const { response } = this.#exchange;
    response.on('close', () => {
      if (!response.writableFinished) upstream.abort(new SpillwayError('SPILLWAY_REQUEST_ABORTED', 'the client went away'));
    });
  }

  onInformation(status: number, headers: readonly string[]): void {
    const { response } = this.#exchange;
    if (status !== 103 || response.headersSent) return;
    const links = headers.filter((_, i) => i % 2 === 1 && headers[i - 1] === 'link');
    if (links.length > 0) response.writeEarlyHints({ link: links });
  }

  onHead(status: number, headers: readonly string[]): void {
    for (let i = 0; i < headers.length; i += 2) {
      if (headers[i] === 'content-length') this.#bytesLeft = Number(headers[i + 1]);
    }
    const fields = this.#extraFields ? [...headers, ...this.#extraFields()] : (headers as string[]);
    this.#exchange.response.writeHead(status, fields);
  }

  onData(chunk: Buffer): boolean {
    const { response } = this.#exchange;
    this.#bytesLeft -= chunk.byteLength;
    if (this.#bytesLeft <= 0) {
      this.#ended = true;
      // Node joins a head with text, and not with bytes: one write instead of two.
      if (response.headersSent || chunk.byteLength > ONE_PIECE_BYTES) response.end(chunk);
      else response.end(chunk.toString('latin1'), 'latin1');
      return true;
    }
    if (response.write(chunk)) return true;
    response.once('drain', () => this.#upstream?.resume());
    return false;
  }

  onEnd(trailers: readonly string[]): void {
    if (this.#ended) return;
    const { response } = this.#exchange;
    for (let i = 0; i < trailers.length; i += 2) response.addTrailers([[trailers[i]!, trailers[i + 1]!]]);
    response.end();
  }

  onError(error: Error): void {
    const { response, requestId } = this.#exchange;
    if (this.#ended || response.destroyed) return;
    sendProblem(response, problemOf(error, requestId));
  }
}
