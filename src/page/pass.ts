import type { Upstream, UpstreamExchange, UpstreamReceiver } from '../ports/index.ts';
import type { Exchange } from '../ports/index.ts';
import { Broadcast } from './broadcast.ts';
import { forwardStatus, type Forwarded } from './cache-status.ts';
import { type Fields, withLowerCaseNames } from './fields.ts';
import { sendInformation } from './information.ts';

export interface PassOptions {
  readonly name: string;
  readonly forwarded: Forwarded;
  /** Called with the answer's head before it is written to the client; a number asks for the body, if no longer than that. */
  onHead?(status: number, fields: Fields): number | undefined;
  /** The whole body, where it was asked for and short enough. */
  onWhole?(body: Buffer): void;
  onError(error: Error): void;
}

/** Sends a request on as it is and streams the answer back: nothing is stored. */
export function passThrough(exchange: Exchange, upstream: Upstream, options: PassOptions): void {
  new Pass(exchange, upstream, options).start();
}

class Pass implements UpstreamReceiver {
  readonly #exchange: Exchange;
  readonly #upstream: Upstream;
  readonly #options: PassOptions;
  readonly #broadcast: Broadcast;
  #kept: Buffer[] | undefined;
  #keepBytes = 0;
  #sent: UpstreamExchange | undefined;
  #ended = false;

  constructor(exchange: Exchange, upstream: Upstream, options: PassOptions) {
    this.#exchange = exchange;
    this.#upstream = upstream;
    this.#options = options;
    this.#broadcast = new Broadcast(
      0,
      () => this.#sent?.resume(),
      () => this.#abort(),
    );
    this.#broadcast.forget();
  }

  start(): void {
    const { request, response, route, method, scheme, authority, path, query, clientIp } = this.#exchange;
    response.once('close', () => this.#abort());
    this.#sent = this.#upstream.dispatch(
      {
        upstream: route.upstream,
        method,
        scheme,
        authority,
        target: query === '' ? path : `${path}?${query}`,
        headers: withLowerCaseNames(request.rawHeaders),
        body: hasBody(request.headers) ? request : undefined,
        timeoutMs: route.timeoutMs,
        clientIp,
      },
      this,
    );
  }

  onInformation(status: number, fields: Fields): void {
    sendInformation(this.#exchange.response, status, fields);
  }

  onHead(status: number, fields: Fields): void {
    const { response, method } = this.#exchange;
    this.#keepBytes = this.#options.onHead?.(status, fields) ?? 0;
    if (this.#keepBytes > 0) this.#kept = [];
    if (response.destroyed) return;
    response.writeHead(status, [...fields, 'cache-status', forwardStatus(this.#options.name, this.#options.forwarded)]);
    if (method === 'HEAD' || status === 204 || status === 304) response.end();
    else this.#broadcast.join(response);
  }

  onData(chunk: Buffer): boolean {
    this.#keepBytes -= chunk.length;
    if (this.#keepBytes < 0) this.#kept = undefined;
    this.#kept?.push(chunk);
    return this.#broadcast.push(chunk);
  }

  onEnd(trailers: readonly string[]): void {
    this.#ended = true;
    this.#broadcast.end(trailers);
    if (this.#kept) this.#options.onWhole?.(Buffer.concat(this.#kept));
  }

  onError(error: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#exchange.response.headersSent) this.#broadcast.destroy();
    else if (!this.#exchange.response.destroyed) this.#options.onError(error);
  }

  #abort(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#sent?.abort(new Error('the client has gone'));
  }
}

function hasBody(headers: Exchange['request']['headers']): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
