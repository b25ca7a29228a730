import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RouteMatch } from '../policy/index.ts';
import type { Exchange } from '../ports/index.ts';

/** What the gateway has found out about one request. */
export class GatewayExchange implements Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly route: RouteMatch['route'];
  readonly params: RouteMatch['params'];
  readonly method: string;
  readonly scheme: 'http' | 'https';
  readonly authority: string;
  readonly path: string;
  readonly query: string;
  readonly clientIp: string;
  readonly requestId: string;
  readonly startedMs: number;
  readonly ownFields: readonly string[];
  /** Bytes its connection had been sent when it came. */
  readonly bytesBefore: number;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    match: RouteMatch,
    facts: RequestFacts,
    ownFields: readonly string[],
  ) {
    this.request = request;
    this.response = response;
    this.route = match.route;
    this.params = match.params;
    this.method = request.method!;
    this.scheme = facts.scheme;
    this.authority = facts.authority;
    this.path = facts.path;
    this.query = facts.query;
    this.clientIp = facts.clientIp;
    this.requestId = facts.requestId;
    this.startedMs = facts.startedMs;
    this.ownFields = ownFields;
    this.bytesBefore = request.socket.bytesWritten;
  }
}

/** What is known of a request before its route is. */
export interface RequestFacts {
  readonly scheme: 'http' | 'https';
  readonly authority: string;
  readonly path: string;
  readonly query: string;
  readonly clientIp: string;
  readonly requestId: string;
  readonly startedMs: number;
}

/** A request the gateway answers itself. */
export interface Refusal {
  readonly status: number;
  readonly detail: string;
}
