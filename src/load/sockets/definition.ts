import { z } from 'zod';
import { count, duration, share, type Duration } from '../../kernel/index.ts';

/** Clients that stay connected: how many, over what, and what befalls them. The arrival is that of messages. */
export interface LiveSockets {
  /** Default `websocket`; `sse` reads server-sent events. */
  readonly protocol?: 'websocket' | 'sse';
  readonly path: string;
  /** How many connections. */
  readonly count: number;
  /** Over how long they come in, evenly; the messages begin after that. Default 1s. */
  readonly ramp?: Duration;
  readonly headers?: Readonly<Record<string, string>>;
  /** Messages each WebSocket sends when it opens, such as a subscription. */
  readonly subscribe?: readonly string[] | ((socket: number) => readonly string[]);
  /** A message of the arrival, with its stamp somewhere inside; default `{"message":"<stamp>"}`. */
  readonly message?: (stamp: string, index: number) => string;
  /** Where messages are posted over HTTP; default: they are sent over the WebSockets, in turn. */
  readonly post?: string;
  /** How many connections each message should reach; what is missing counts as `lost`. Default: not judged. */
  readonly fanOut?: number;
  /** A share of clients that do not keep up: they read for a moment, then pause. */
  readonly slow?: { readonly share: number; readonly pause: Duration };
  /** Times, after the ramp, at which a share of clients loses its connection and comes back within a while. */
  readonly storms?: readonly { readonly at: Duration; readonly share: number; readonly within?: Duration }[];
}

const storm = z.strictObject({ at: duration(), share: share(), within: duration().prefault(0) });

export const liveSockets = z.strictObject({
  protocol: z.enum(['websocket', 'sse']).default('websocket').describe('What the connections speak.'),
  path: z.string().startsWith('/').describe('Path and query they connect to.'),
  count: count(1, 1_000_000).describe('How many connections.'),
  ramp: duration().prefault('1s').describe('Over how long they come in; the messages begin after that.'),
  headers: z.record(z.string(), z.string()).default({}).describe('Fields of the handshake.'),
  subscribe: z
    .union([z.array(z.string()), z.custom<(socket: number) => readonly string[]>((value) => typeof value === 'function')])
    .default([])
    .describe('Messages each WebSocket sends when it opens.'),
  message: z
    .custom<(stamp: string, index: number) => string>((value) => typeof value === 'function')
    .optional()
    .describe('Makes a message of its stamp.'),
  post: z.string().startsWith('/').optional().describe('Where messages are posted instead of sent over the sockets.'),
  fanOut: count(1).optional().describe('How many connections each message should reach.'),
  slow: z
    .strictObject({ share: share(), pause: duration() })
    .optional()
    .describe('Clients that do not keep up: which share, and how long they pause.'),
  storms: z.array(storm).default([]).describe('Mass losses of connections.'),
});

export type ResolvedSockets = z.output<typeof liveSockets>;
