import type { Clock, Timer } from '../../kernel/index.ts';
import type { Exchange, Fault, Transport, TransportStats } from '../transport.ts';
import { Connection, type ConnectionOwner, type Endpoint } from './connection.ts';

export interface PoolOptions {
  readonly endpoint: Endpoint;
  /** Most connections at once. */
  readonly connections: number;
  /** Requests a connection may have in flight; 1: no pipelining. */
  readonly pipelining: number;
  /** false opens a new connection for every request. */
  readonly keepAlive: boolean;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** What happens to a request on a kept-alive connection that the server had closed already. */
const STALE: ReadonlySet<Fault> = new Set(['closed', 'reset']);

/**
 * HTTP/1.1 over a bounded number of connections, the most recently used first, so that a light load keeps few
 * connections warm, as browsers and proxies do.
 */
export class Http1Pool implements Transport, ConnectionOwner {
  onFree: () => void = () => {};
  freeSinceMs: number;
  readonly #options: PoolOptions;
  readonly #all = new Set<Connection>();
  /** Connections that stand and can take a request; each is in here at most once. */
  readonly #ready: Connection[] = [];
  #bytesReadBefore = 0;
  #bytesWritten = 0;
  #connectionsOpened = 0;
  #resent = 0;
  #sweep: Timer | undefined;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.freeSinceMs = this.now();
  }

  get free(): number {
    return this.#ready.length + this.#options.connections - this.#all.size;
  }

  get stats(): TransportStats {
    let bytesRead = this.#bytesReadBefore;
    for (const connection of this.#all) bytesRead += connection.bytesRead;
    return { bytesRead, bytesWritten: this.#bytesWritten, connectionsOpened: this.#connectionsOpened, resent: this.#resent };
  }

  now(): number {
    return this.#options.clock.monotonic();
  }

  /** Opens every connection ahead, so that the first arrivals do not pay for it; failures show when requests are sent. */
  async open(): Promise<void> {
    const { timeoutMs, clock, keepAlive, connections } = this.#options;
    this.#sweep = clock.setRepeating(() => this.#expire(), Math.min(100, Math.max(1, timeoutMs / 10)));
    if (keepAlive) await Promise.all(Array.from({ length: connections }, () => this.#openAhead()));
    this.freeSinceMs = this.now();
  }

  send(exchange: Exchange, nowMs: number): void {
    const connection = this.#ready.pop() ?? this.#connect();
    this.#give(connection, exchange, nowMs);
  }

  close(): void {
    this.#closed = true;
    this.#sweep?.cancel();
    for (const connection of this.#all) connection.close('unfinished', 'the run ended before the answer');
  }

  onIdle(connection: Connection, nowMs: number): void {
    const { keepAlive, pipelining } = this.#options;
    if (!keepAlive) return connection.close('closed', 'one request a connection');
    if (this.free === 0) this.freeSinceMs = nowMs;
    if (connection.inFlight === pipelining - 1) this.#ready.push(connection);
  }

  onSettled(): void {
    if (this.free > 0 && !this.#closed) this.onFree();
  }

  onGone(connection: Connection, pending: Exchange[], fault: Fault, detail: string, touched: boolean): void {
    if (this.free === 0) this.freeSinceMs = this.now();
    this.#all.delete(connection);
    this.#bytesReadBefore += connection.bytesRead;
    const at = this.#ready.indexOf(connection);
    if (at >= 0) this.#ready.splice(at, 1);
    for (const [place, exchange] of pending.entries()) {
      const mayResend = connection.answers > 0 && STALE.has(fault) && !(touched && place === 0) && exchange.request.idempotent;
      if (mayResend && this.#all.size < this.#options.connections && !this.#closed) this.#resend(exchange);
      else exchange.failed(fault, detail);
    }
    if (pending.length > 0) this.onSettled();
  }

  #openAhead(): Promise<void> {
    return new Promise((resolve) => {
      const connection: Connection = this.#connect((stands) => {
        if (stands) this.#ready.push(connection);
        resolve();
      });
    });
  }

  #connect(onOutcome?: (stands: boolean) => void): Connection {
    this.#connectionsOpened++;
    const connection = new Connection(this.#options.endpoint, this, onOutcome);
    this.#all.add(connection);
    return connection;
  }

  #give(connection: Connection, exchange: Exchange, nowMs: number): void {
    this.#bytesWritten += exchange.request.http1.length;
    connection.send(exchange, nowMs);
    if (this.#options.keepAlive && connection.inFlight < this.#options.pipelining) this.#ready.push(connection);
  }

  /** On a new connection: those kept alive may be as stale as the one that failed. */
  #resend(exchange: Exchange): void {
    this.#resent++;
    this.#give(this.#connect(), exchange, this.now());
  }

  #expire(): void {
    const oldestMs = this.now() - this.#options.timeoutMs;
    for (const connection of this.#all) {
      if (connection.waitingSinceMs <= oldestMs) connection.close('timeout', `no answer within ${this.#options.timeoutMs} ms`);
    }
  }
}
