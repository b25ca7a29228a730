import { z } from 'zod';
import { duration, size } from '../../kernel/index.ts';

/** A TCP port; 0 takes any free one. */
export const port = () => z.int().min(0).max(65_535);

export const listenSection = z
  .strictObject({
    port: port().default(8080).describe('Port the site is served on; 0 takes any free one.'),
    host: z
      .string()
      .min(1)
      .default('127.0.0.1')
      .describe(
        'Address to listen on. The default is reached from this machine only; `0.0.0.0` or `::` opens it to the network.',
      ),
    tls: z
      .strictObject({
        cert: z.string().min(1).describe('File of the certificate chain (PEM); read anew when it changes.'),
        key: z.string().min(1).describe('File of its private key (PEM).'),
        http2: z.boolean().default(true).describe('Whether HTTP/2 is offered beside HTTP/1.1.'),
      })
      .optional()
      .describe('Serves HTTPS; absent: plain HTTP.'),
    proxyProtocol: z
      .boolean()
      .default(false)
      .describe(
        "Whether each connection begins with a PROXY protocol header (1 or 2) that tells the client's address; others are closed. Only behind a load balancer that sends it.",
      ),
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
    maxConnections: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(10_000)
      .describe('Open client connections per worker; more are refused.'),
  })
  .refine(({ tls, proxyProtocol }) => !(tls && proxyProtocol), {
    path: ['proxyProtocol'],
    message: 'cannot be combined with tls: let the load balancer end TLS, or send X-Forwarded-For',
  })
  .transform(({ requestTimeout, headersTimeout, keepAliveTimeout, ...rest }) => ({
    ...rest,
    requestTimeoutMs: requestTimeout,
    headersTimeoutMs: headersTimeout,
    keepAliveTimeoutMs: keepAliveTimeout,
  }));
