import { BoundedQueue, type Clock, type Timer } from '../kernel/index.ts';
import type { Deadlines } from './deadlines.ts';
import type { LentBuffers } from './lent-buffer.ts';
import { UpstreamConnection, type Carried, type ConnectionOwner, type OriginAddress } from './upstream-connection.ts';

export interface PoolSettings {
  readonly maxConnections: number;
  readonly connectTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly bodyTimeoutMs: number;
}

/** Requests that wait for a connection to one endpoint. */
const MOST_WAITING = 10_000;
const LOOK_EVERY_MS = 1000;

/**
 * Connections to one endpoint. The one used last is used next, so that as few as are needed stay warm and the others end.
 * When all are busy and no more may be opened, requests wait in order.
 */
export class ConnectionPool implements ConnectionOwner {
  readonly origin: OriginAddress;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly buffers: LentBuffers;
  readonly #settings: PoolSettings;
  readonly #connections = new Set<UpstreamConnection>();
  /** The longest idle first. */
  readonly #idle: UpstreamConnection[] = [];
  readonly #waiting = new BoundedQueue<Carried>(MOST_WAITING);
  #looking: Timer | undefined;
  closed = false;

  constructor(url: string, settings: PoolSettings, clock: Clock, deadlines: Deadlines, buffers: LentBuffers) {
    const { hostname, port, protocol } = new URL(url);
    const tls = protocol === 'https:';
    this.origin = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || (tls ? 443 : 80), tls };
    this.clock = clock;
    this.deadlines = deadlines;
    this.buffers = buffers;
    this.#settings = settings;
  }

  get connectTimeoutMs(): number {
    return this.#settings.connectTimeoutMs;
  }

  get bodyTimeoutMs(): number {
    return this.#settings.bodyTimeoutMs;
  }

  /** @param nowMs monotonic. */
  send(carried: Carried, nowMs: number): void {
    for (let connection = this.#idle.pop(); connection; connection = this.#idle.pop()) {
      if (connection.idleUntilMs > nowMs) return connection.send(carried);
      connection.destroy();
    }
    if (this.#connections.size < this.#settings.maxConnections) this.#open(carried);
    else if (!this.#waiting.push(carried))
      // Not before the caller knows of its attempt.
      queueMicrotask(() => carried.onFault('connect', `${MOST_WAITING} requests wait for a connection already`));
  }

  /** Takes no more requests back: connections end when the request they carry is answered. */
  close(): void {
    this.closed = true;
    this.#stopLooking();
    for (const connection of this.#idle.splice(0)) connection.destroy();
  }

  /** Ends all connections; requests under way fail. */
  destroy(): void {
    this.close();
    for (let carried = this.#waiting.shift(); carried; carried = this.#waiting.shift())
      carried.onFault('connect', 'the proxy stopped');
    for (const connection of this.#connections) connection.stop();
  }

  onFree(connection: UpstreamConnection): void {
    const next = this.#nextWaiting();
    if (next) return connection.send(next);
    if (this.closed) return connection.destroy();
    connection.idleUntilMs = this.clock.monotonic() + Math.min(this.#settings.idleTimeoutMs, connection.keepAliveMs);
    this.#idle.push(connection);
    this.#looking ??= this.clock.setRepeating(() => this.#look(), LOOK_EVERY_MS);
  }

  onGone(connection: UpstreamConnection, unanswered: Carried | undefined): void {
    this.#connections.delete(connection);
    const at = this.#idle.indexOf(connection);
    if (at !== -1) this.#idle.splice(at, 1);
    // Others that idle are as old: only a new connection tells whether the endpoint still serves.
    const next = unanswered ?? this.#nextWaiting();
    if (next) this.#open(next);
  }

  #open(carried: Carried): void {
    this.#connections.add(new UpstreamConnection(this, carried));
  }

  #nextWaiting(): Carried | undefined {
    for (let carried = this.#waiting.shift(); carried; carried = this.#waiting.shift()) if (!carried.abandoned) return carried;
    return undefined;
  }

  #look(): void {
    const nowMs = this.clock.monotonic();
    for (const connection of this.#idle.filter(({ idleUntilMs }) => idleUntilMs <= nowMs)) connection.destroy();
    if (this.#idle.length === 0) this.#stopLooking();
  }

  #stopLooking(): void {
    this.#looking?.cancel();
    this.#looking = undefined;
  }
}
