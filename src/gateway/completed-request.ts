import type { RoutePolicy } from '../policy/index.ts';
import type { Exchange } from '../ports/index.ts';
import type { GatewayExchange } from './gateway-exchange.ts';

/** An answered request, for logs and statistics. */
export interface CompletedRequest {
  /** Undefined: answered on the fast path, which makes none. */
  readonly exchange: Exchange | undefined;
  /** Undefined: answered from prepared bytes, and no other server saw it. */
  readonly requestId: string | undefined;
  /** As the client sent it. */
  readonly traceparent: string | undefined;
  readonly route: RoutePolicy;
  readonly method: string;
  readonly authority: string;
  /** Path and query. */
  readonly target: string;
  readonly clientIp: string;
  readonly userAgent: string | undefined;
  readonly referer: string | undefined;
  readonly status: number;
  /** Bytes written, head included. */
  readonly bytes: number;
  readonly durationMs: number;
  /** The client went away before the answer was complete. */
  readonly aborted: boolean;
}

export function completed(exchange: GatewayExchange, durationMs: number, aborted: boolean): CompletedRequest {
  return new CompletedExchange(exchange, durationMs, aborted);
}

/** What nobody asks for is not looked up: most listeners read two or three of these. */
class CompletedExchange implements CompletedRequest {
  readonly exchange: GatewayExchange;
  readonly durationMs: number;
  readonly aborted: boolean;

  constructor(exchange: GatewayExchange, durationMs: number, aborted: boolean) {
    this.exchange = exchange;
    this.durationMs = durationMs;
    this.aborted = aborted;
  }

  get route(): RoutePolicy {
    return this.exchange.route;
  }

  get method(): string {
    return this.exchange.method;
  }

  get authority(): string {
    return this.exchange.authority;
  }

  get target(): string {
    const { path, query } = this.exchange;
    return query === '' ? path : `${path}?${query}`;
  }

  get clientIp(): string {
    return this.exchange.clientIp;
  }

  get requestId(): string {
    return this.exchange.requestId;
  }

  get traceparent(): string | undefined {
    const field = this.exchange.request.headers['traceparent'];
    return typeof field === 'string' ? field : undefined;
  }

  get userAgent(): string | undefined {
    return this.exchange.request.headers['user-agent'];
  }

  get referer(): string | undefined {
    return this.exchange.request.headers.referer;
  }

  get status(): number {
    return this.exchange.response.statusCode;
  }

  get bytes(): number {
    return this.exchange.request.socket.bytesWritten - this.exchange.bytesBefore;
  }
}
