import type { Upstream, UpstreamExchange, UpstreamReceiver } from '../ports/index.ts';
import type { Exchange } from '../ports/index.ts';
import { Broadcast } from './broadcast.ts';
import { forwardStatus, type Forwarded } from './cache-status.ts';
import { type Fields, withLowerCaseNames } from './fields.ts';
import { sendInformation } from './information.ts';

/** What else is done with a request that is passed on. */
export interface PassExtras {
  /** Request fields in place of the client's: names (lower-case) and values. */
  readonly headers?: Fields;
  /** Called with the answer's head before it is written to the client; a number asks for the body, if no longer than that. */
  onHead?(status: number, fields: Fields): number;
  /** Called once, last: with the whole body where it was asked for and came, otherwise with nothing. */
  onEnd?(body: Buffer | undefined): void;
}

export interface PassOptions extends PassExtras {
  readonly name: string;
  readonly forwarded: Forwarded;
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
        headers: this.#options.headers ?? withLowerCaseNames(request.rawHeaders),
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
    if (this.#ended) return;
    this.#broadcast.end(trailers);
    this.#end(this.#kept && Buffer.concat(this.#kept));
  }

  onError(error: Error): void {
    if (this.#ended) return;
    this.#end(undefined);
    if (this.#exchange.response.headersSent) this.#broadcast.destroy();
    else if (!this.#exchange.response.destroyed) this.#options.onError(error);
  }

  #abort(): void {
    if (this.#ended) return;
    this.#end(undefined);
    this.#sent?.abort(new Error('the client has gone'));
  }

  #end(body: Buffer | undefined): void {
    this.#ended = true;
    this.#options.onEnd?.(body);
  }
}

function hasBody(headers: Exchange['request']['headers']): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
