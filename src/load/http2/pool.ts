import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream, type IncomingHttpHeaders } from 'node:http2';
import { messageOf, type Clock, type Timer } from '../../kernel/index.ts';
import { serverName, type Endpoint } from '../http1/connection.ts';
import type { EncodedRequest, Exchange, Fault, Transport, TransportStats } from '../transport.ts';

export interface Http2PoolOptions {
  readonly endpoint: Endpoint;
  readonly authority: string;
  /** Most connections. */
  readonly connections: number;
  /** Most requests at once on one connection; the server may allow fewer. */
  readonly streams: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** Most of a body that is kept for a scenario to look at. */
const MAX_KEPT_BYTES = 16 * 1024 * 1024;

/** One HTTP/2 connection and how many requests are on it. */
interface Session {
  readonly session: ClientHttp2Session;
  inFlight: number;
}

interface InFlight {
  readonly exchange: Exchange;
  readonly stream: ClientHttp2Stream;
}

/** HTTP/2 over a few connections with many requests on each; over TLS by ALPN, without it by prior knowledge. */
export class Http2Pool implements Transport {
  onFree: () => void = () => {};
  freeSinceMs: number;
  readonly #options: Http2PoolOptions;
  readonly #sessions = new Set<Session>();
  readonly #inFlight = new Set<InFlight>();
  #sweep: Timer | undefined;
  #closed = false;
  #connectionsOpened = 0;
  #bytes = { read: 0, written: 0 };

  constructor(options: Http2PoolOptions) {
    this.#options = options;
    this.freeSinceMs = options.clock.monotonic();
  }

  get free(): number {
    let free = (this.#options.connections - this.#sessions.size) * this.#options.streams;
    for (const session of this.#sessions) free += Math.max(0, this.#roomIn(session));
    return free;
  }

  get stats(): TransportStats {
    let { read, written } = this.#bytes;
    for (const { session } of this.#sessions) {
      read += session.socket?.bytesRead ?? 0;
      written += session.socket?.bytesWritten ?? 0;
    }
    return { bytesRead: read, bytesWritten: written, connectionsOpened: this.#connectionsOpened, resent: 0 };
  }

  async open(): Promise<void> {
    const { clock, timeoutMs, connections } = this.#options;
    this.#sweep = clock.setRepeating(() => this.#expire(), Math.min(100, Math.max(1, timeoutMs / 10)));
    await Promise.all(Array.from({ length: connections }, () => this.#ready(this.#connect())));
    this.freeSinceMs = clock.monotonic();
  }

  send(exchange: Exchange, nowMs: number): void {
    const session = this.#roomiest() ?? this.#connect();
    exchange.writtenMs = nowMs;
    session.inFlight++;
    this.#carry(session, exchange);
  }

  close(): void {
    this.#closed = true;
    this.#sweep?.cancel();
    for (const { exchange, stream } of this.#inFlight) {
      exchange.failed('unfinished', 'the run ended before the answer');
      stream.close(constants.NGHTTP2_CANCEL);
    }
    this.#inFlight.clear();
    for (const { session } of this.#sessions) session.destroy();
  }

  #connect(): Session {
    const { endpoint, authority } = this.#options;
    this.#connectionsOpened++;
    const session = connect(`${endpoint.tls ? 'https' : 'http'}://${authority}`, {
      host: endpoint.address,
      port: endpoint.port,
      servername: serverName(endpoint),
      rejectUnauthorized: endpoint.verifyCertificate,
    });
    const entry: Session = { session, inFlight: 0 };
    this.#sessions.add(entry);
    // Its streams hear of it too, and they are who has something to lose.
    session.on('error', () => {});
    session.on('goaway', () => this.#forget(entry));
    session.on('close', () => this.#forget(entry));
    return entry;
  }

  #ready({ session }: Session): Promise<void> {
    return new Promise((resolve) => {
      session.once('remoteSettings', () => resolve());
      session.once('close', () => resolve());
    });
  }

  #forget(entry: Session): void {
    if (!this.#sessions.delete(entry)) return;
    this.#bytes.read += entry.session.socket?.bytesRead ?? 0;
    this.#bytes.written += entry.session.socket?.bytesWritten ?? 0;
    if (!entry.session.closed) entry.session.close();
  }

  #roomIn({ session, inFlight }: Session): number {
    return Math.min(this.#options.streams, session.remoteSettings?.maxConcurrentStreams ?? this.#options.streams) - inFlight;
  }

  #roomiest(): Session | undefined {
    let best: Session | undefined;
    for (const session of this.#sessions) {
      if (this.#roomIn(session) > 0 && (!best || session.inFlight < best.inFlight)) best = session;
    }
    return best;
  }

  #carry(session: Session, exchange: Exchange): void {
    const { request } = exchange;
    const stream = session.session.request(headersOf(request, this.#options), { endStream: request.body === undefined });
    const entry: InFlight = { exchange, stream };
    this.#inFlight.add(entry);
    let head: IncomingHttpHeaders | undefined;
    let bodyBytes = 0;
    const chunks: Buffer[] = [];
    let fault: Fault = 'closed';
    let detail = 'the stream ended before the answer was whole';
    stream.on('response', (headers) => void (head = headers));
    stream.on('data', (chunk: Buffer) => {
      bodyBytes += chunk.length;
      if (exchange.keep && bodyBytes <= MAX_KEPT_BYTES) chunks.push(chunk);
    });
    stream.on('error', (error) => {
      fault = session.session.connecting ? 'connect' : faultOf(error);
      detail = messageOf(error);
    });
    let ended = false;
    stream.on('end', () => void (ended = true));
    stream.on('close', () => {
      if (!this.#inFlight.delete(entry)) return;
      const nowMs = this.#options.clock.monotonic();
      if (this.free === 0) this.freeSinceMs = nowMs;
      session.inFlight--;
      if (head && ended && stream.rstCode === constants.NGHTTP2_NO_ERROR) {
        const body = chunks.length === 0 ? EMPTY : Buffer.concat(chunks);
        exchange.answered({ status: Number(head[':status']), head: exchange.keep ? headText(head) : '', body, bodyBytes }, nowMs);
      } else exchange.failed(fault, detail);
      if (!this.#closed && this.free > 0) this.onFree();
    });
    if (request.body) stream.end(request.body);
  }

  #expire(): void {
    const oldestMs = this.#options.clock.monotonic() - this.#options.timeoutMs;
    for (const entry of this.#inFlight) {
      if (entry.exchange.writtenMs > oldestMs) continue;
      this.#inFlight.delete(entry);
      for (const session of this.#sessions) if (session.session === entry.stream.session) session.inFlight--;
      entry.stream.close(constants.NGHTTP2_CANCEL);
      entry.exchange.failed('timeout', `no answer within ${this.#options.timeoutMs} ms`);
      if (this.free > 0) this.onFree();
    }
  }
}

const EMPTY = Buffer.alloc(0);

function headersOf(request: EncodedRequest, { authority, endpoint }: Http2PoolOptions): Record<string, string | string[]> {
  const headers: Record<string, string> = {
    ':method': request.method,
    ':path': request.path,
    ':authority': authority,
    ':scheme': endpoint.tls ? 'https' : 'http',
  };
  for (let i = 0; i < request.headers.length; i += 2) headers[request.headers[i]!] = request.headers[i + 1]!;
  if (request.body) headers['content-length'] = String(request.body.length);
  return headers;
}

/** The head in the form of HTTP/1.1, which is how scenarios read fields. */
function headText(head: IncomingHttpHeaders): string {
  const lines = Object.entries(head).flatMap(([name, value]) =>
    name.startsWith(':') || value === undefined ? [] : [value].flat().map((one) => `${name}: ${one}\r\n`),
  );
  return `HTTP/2 ${head[':status']}\r\n${lines.join('')}\r\n`;
}

function faultOf(error: NodeJS.ErrnoException): Fault {
  if (error.code === 'ECONNREFUSED' || error.code === 'ENOTFOUND' || error.code === 'EHOSTUNREACH') return 'connect';
  if (error.code === 'ECONNRESET') return 'reset';
  return error.code === 'ERR_HTTP2_ERROR' ? 'protocol' : 'closed';
}
