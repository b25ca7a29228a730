import { readFileSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createSecureServer, type Http2SecureServer } from 'node:http2';
import { messageOf, SpillwayError, type Clock, type Timer } from '../kernel/index.ts';
import { isAnswerDue } from './client-error.ts';
import type { GatewaySettings } from './options.ts';

export type AnyServer = Server | Http2SecureServer;

type Listen = GatewaySettings['listen'];
type Tls = NonNullable<Listen['tls']>;

/** The server that parses: HTTP/1.1 in the clear; with TLS also HTTP/2, as the client chooses (ALPN). */
export function createParsingServer(listen: Listen): AnyServer {
  const { maxHeaderBytes, requestTimeoutMs, headersTimeoutMs, keepAliveTimeoutMs, tls } = listen;
  const http1 = {
    maxHeaderSize: maxHeaderBytes,
    requestTimeout: requestTimeoutMs,
    headersTimeout: Math.min(headersTimeoutMs, requestTimeoutMs),
    keepAliveTimeout: keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.min(1000, headersTimeoutMs),
    insecureHTTPParser: false,
    // Checked by the gateway itself, with a problem document.
    requireHostHeader: false,
    joinDuplicateHeaders: false,
    // HTTP/2 in the clear is not offered, nor another protocol before all answers are out: served as HTTP/1.1.
    shouldUpgradeCallback: ({ headers, socket }: IncomingMessage) => headers.upgrade !== 'h2c' && !isAnswerDue(socket),
  };
  if (!tls) return createServer(http1);
  const server = createSecureServer({
    ...http1,
    ...readCertificate(tls),
    allowHTTP1: true,
    ALPNProtocols: tls.http2 ? ['h2', 'http/1.1'] : ['http/1.1'],
    settings: { maxConcurrentStreams: MOST_STREAMS, maxHeaderListSize: maxHeaderBytes },
    maxSessionRejectedStreams: 20,
    maxSettings: 32,
  });
  // What the server does not take as options when it speaks HTTP/1 beside HTTP/2.
  Object.assign(server, {
    requestTimeout: http1.requestTimeout,
    headersTimeout: http1.headersTimeout,
    keepAliveTimeout: http1.keepAliveTimeout,
  });
  return server;
}

/** Requests at once on one HTTP/2 connection. */
const MOST_STREAMS = 128;

/** @throws SpillwayError SPILLWAY_CERTIFICATE_UNREADABLE */
function readCertificate({ cert, key }: Tls): { cert: Buffer; key: Buffer } {
  try {
    return { cert: readFileSync(cert), key: readFileSync(key) };
  } catch (cause) {
    throw new SpillwayError('SPILLWAY_CERTIFICATE_UNREADABLE', messageOf(cause), { cause });
  }
}

/** How often the certificate's files are looked at, ms. */
const LOOK_EVERY_MS = 10_000;

/** Takes a renewed certificate into use for new connections, without a restart. */
export class CertificateWatch {
  readonly #server: Http2SecureServer;
  readonly #tls: Tls;
  readonly #timer: Timer;
  #changedMs: number;

  constructor(server: Http2SecureServer, tls: Tls, clock: Clock) {
    this.#server = server;
    this.#tls = tls;
    this.#changedMs = this.#lastChangeMs();
    this.#timer = clock.setRepeating(() => this.look(), LOOK_EVERY_MS);
  }

  /** A pair that does not fit, half of a renewal, is left for the next look: the one in use stays. */
  look(): void {
    try {
      const changedMs = this.#lastChangeMs();
      if (changedMs === this.#changedMs) return;
      this.#server.setSecureContext(readCertificate(this.#tls));
      this.#changedMs = changedMs;
    } catch (error) {
      process.emitWarning(`The renewed certificate cannot be used yet: ${messageOf(error)}`, 'SpillwayWarning');
    }
  }

  stop(): void {
    this.#timer.cancel();
  }

  #lastChangeMs(): number {
    return Math.max(statSync(this.#tls.cert).mtimeMs, statSync(this.#tls.key).mtimeMs);
  }
}
