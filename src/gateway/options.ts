import { z } from 'zod';
import { balancerSchema } from '../balance/index.ts';
import { count, duration, share, size } from '../kernel/index.ts';

const port = () => z.int().min(0).max(65_535);

export const listenSchema = z
  .strictObject({
    port: port().default(8080).describe('Port to listen on; 0 takes any free one.'),
    host: z.string().min(1).default('127.0.0.1').describe('Address to listen on; `0.0.0.0` or `::` opens it to the network.'),
    requestTimeout: duration({ min: '1s', max: '1h' })
      .prefault('60s')
      .describe('How long a client may take to send its whole request.'),
    headersTimeout: duration({ min: '1s', max: '5m' })
      .prefault('10s')
      .describe('How long a client may take to send the head of its request.'),
    keepAliveTimeout: duration({ max: '1h' })
      .prefault('65s')
      .describe('How long an idle connection stays open. Keep it above the idle timeout of a load balancer in front.'),
    maxHeaderBytes: size({ min: '1kb', max: '1mb' })
      .prefault('16kb')
      .describe('Largest request head; a larger one is answered 431.'),
    maxUrlBytes: size({ min: '256b', max: '64kb' })
      .prefault('8kb')
      .describe('Longest request target; a longer one is answered 414.'),
    maxBodyBytes: size({ max: '10gb' }).prefault('10mb').describe('Largest request body; a larger one is answered 413.'),
    maxConnections: count(1, 1_000_000).default(10_000).describe('Open client connections; more are refused.'),
  })
  .transform(({ requestTimeout, headersTimeout, keepAliveTimeout, ...rest }) => ({
    ...rest,
    requestTimeoutMs: requestTimeout,
    headersTimeoutMs: headersTimeout,
    keepAliveTimeoutMs: keepAliveTimeout,
  }));

export const gatewaySchema = z.strictObject({
  listen: listenSchema.prefault({}).describe('Where to listen, and how large and slow a request may be.'),
  trustedProxies: z
    .array(z.string().min(1))
    .default([])
    .describe('Addresses and subnets whose forwarding headers are believed: `10.0.0.0/8`, `loopback`.'),
});

/** What a user writes. */
export type GatewayOptions = z.input<typeof gatewaySchema>;
/** With every default filled in; times in ms, sizes in bytes. */
export type GatewaySettings = z.output<typeof gatewaySchema>;

export const upstreamSchema = balancerSchema
  .extend({
    maxConnections: count(1, 100_000).default(256).describe('Connections a worker opens to one endpoint.'),
    connectTimeout: duration({ min: '1ms', max: '5m' }).prefault('2s').describe('How long opening a connection may take.'),
    bodyTimeout: duration({ max: '1h' }).prefault('60s').describe('Longest pause between two pieces of an answer; 0: no bound.'),
    idleTimeout: duration({ min: '1ms', max: '1h' }).prefault('30s').describe('How long an unused connection is kept.'),
    retries: z
      .strictObject({
        attempts: count(0, 10).default(1).describe('Further attempts of a request that is safe to repeat.'),
        budget: share().default(0.2).describe('Retries as a share of all requests; above it none are made.'),
      })
      .prefault({})
      .describe('Repeating requests that failed before an answer began.'),
  })
  .transform(({ connectTimeout, bodyTimeout, idleTimeout, ...rest }) => ({
    ...rest,
    connectTimeoutMs: connectTimeout,
    bodyTimeoutMs: bodyTimeout,
    idleTimeoutMs: idleTimeout,
  }));

export const proxySchema = z.strictObject({
  upstreams: z.record(z.string().min(1), upstreamSchema).describe('The services to pass requests to, by name.'),
  maxBodyBytes: size({ max: '10gb' }).prefault('10mb').describe('Largest request body; a larger one is answered 413.'),
});

export type ProxyOptions = z.input<typeof proxySchema>;
export type ProxySettings = z.output<typeof proxySchema>;
export type UpstreamSettings = ProxySettings['upstreams'][string];
