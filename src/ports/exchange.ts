import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RouteMatch } from '../policy/index.ts';

/** One request on its way through the layers, with what the gateway (or an adapter) has found out about it. */
export interface Exchange extends RouteMatch {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly method: string;
  readonly scheme: 'http' | 'https';
  /** Lower-case host, with its port unless it is the scheme's default: `example.com`, `127.0.0.1:8080`. */
  readonly authority: string;
  /** Normalised path: dot segments resolved, needless percent-encoding undone. Always starts with `/`. */
  readonly path: string;
  /** Query without its `?`; empty when there is none. */
  readonly query: string;
  /** The client's address, taken from forwarding headers only behind trusted proxies. */
  readonly clientIp: string;
  readonly requestId: string;
  /** Fields that answers to it which are no upstream's carry, such as refusals: names and values in turn. */
  readonly ownFields?: readonly string[];
  /** Monotonic ms at which the request's head was complete. */
  readonly startedMs: number;
}
