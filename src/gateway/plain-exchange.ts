import type { RouteMatch } from '../policy/index.ts';
import type { CompletedRequest } from './completed-request.ts';
import { requestLine } from './forwarding.ts';
import type { PlainRequest } from './recognise.ts';
import { SocketAnswer, type AnswerOwner } from './socket-answer.ts';
import type { OutboundRequest } from './outbound-request.ts';

/** The fields of a connection's requests as an upstream gets them, in front of the request's id and behind it. */
export interface ForwardedLines {
  readonly before: string;
  readonly behind: string;
}

const NONE: readonly string[] = [];

/** A plain request that is passed on without Node's HTTP server having seen it. */
export class PlainExchange implements CompletedRequest {
  readonly exchange = undefined;
  readonly scheme: 'http' | 'https';
  readonly method: 'GET' | 'HEAD';
  readonly authority: string;
  readonly target: string;
  readonly clientIp: string;
  readonly requestId: string;
  /** Monotonic ms. */
  readonly startedMs: number;
  readonly route: RouteMatch['route'];
  readonly request: { readonly headers: Readonly<Record<string, string>> };
  readonly response: SocketAnswer;
  readonly outbound: OutboundRequest;
  readonly #traceparent: string | undefined;
  /** What an answer carries that is ours and not the upstream's. */
  ownFields: readonly string[] = NONE;
  durationMs = 0;

  /** @param traceparent its part of a trace begun here; a request that comes with one is none of this path's then. */
  constructor(
    plain: PlainRequest,
    route: RouteMatch['route'],
    lines: ForwardedLines,
    scheme: 'http' | 'https',
    clientIp: string,
    requestId: string,
    startedMs: number,
    owner: AnswerOwner,
    traceparent: string | undefined,
  ) {
    this.method = plain.method;
    this.scheme = scheme;
    this.authority = plain.authority;
    this.target = plain.target;
    this.clientIp = clientIp;
    this.requestId = requestId;
    this.startedMs = startedMs;
    this.route = route;
    this.request = { headers: plain.fields.byName };
    this.#traceparent = traceparent;
    const trace = traceparent === undefined ? '' : `traceparent: ${traceparent}\r\n`;
    const isHead = plain.method === 'HEAD';
    this.response = new SocketAnswer(owner, isHead);
    this.outbound = {
      isHead,
      head: `${requestLine(plain.method, plain.target)}${lines.before}x-request-id: ${requestId}\r\n${trace}${lines.behind}\r\n`,
      body: undefined,
      bodyBytes: undefined,
      repeatable: true,
    };
  }

  get path(): string {
    const mark = this.target.indexOf('?');
    return mark === -1 ? this.target : this.target.slice(0, mark);
  }

  /** Without its `?`. */
  get query(): string {
    const mark = this.target.indexOf('?');
    return mark === -1 ? '' : this.target.slice(mark + 1);
  }

  get upstream(): string | undefined {
    return this.route.upstream;
  }

  get timeoutMs(): number {
    return this.route.timeoutMs;
  }

  get userAgent(): string | undefined {
    return this.request.headers['user-agent'];
  }

  get referer(): string | undefined {
    return this.request.headers['referer'];
  }

  get traceparent(): string | undefined {
    return this.#traceparent ?? this.request.headers['traceparent'];
  }

  get status(): number {
    return this.response.statusCode;
  }

  get bytes(): number {
    return this.response.bytes;
  }

  get aborted(): boolean {
    return !this.response.writableFinished;
  }
}
