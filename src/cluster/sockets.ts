import net from 'node:net';
import { SpillwayError } from '../kernel/index.ts';

/** libuv's flag for SO_REUSEPORT; Node has no public name for it. */
const UV_TCP_REUSEPORT = 2;

/** A bound socket as Node's internals hold it. */
interface SocketHandle {
  close(): void;
  getsockname(out: { port?: number; address?: string }): number;
}

type CreateServerHandle = (host: string, port: number, family: 4 | 6, fd: undefined, flags: number) => SocketHandle | number;

/**
 * One address, bound once for each slot. The primary holds the sockets as long as it lives and lends them to the workers
 * in the slots: between two workers connections queue in the kernel, and none is lost. The kernel spreads connections
 * over the sockets of one address (SO_REUSEPORT); where it cannot, all slots share one socket.
 */
export class SlotSockets {
  readonly host: string;
  #port: number;
  readonly #handles: SocketHandle[] = [];
  #shared = false;

  constructor(host: string, port: number) {
    this.host = host;
    this.#port = port;
  }

  /** The port bound, once a slot has its socket. */
  get port(): number {
    return this.#port;
  }

  /** The socket of a slot, bound when first asked for. */
  ofSlot(slot: number): object {
    if (this.#shared) return this.#handles[0]!;
    const existing = this.#handles[slot];
    if (existing) return existing;
    const bound = this.#bind(UV_TCP_REUSEPORT);
    if (typeof bound !== 'number') return (this.#handles[slot] = bound);
    if (this.#handles.length > 0) throw this.#failure(bound);
    const plain = this.#bind(0);
    if (typeof plain === 'number') throw this.#failure(plain);
    this.#shared = true;
    return (this.#handles[0] = plain);
  }

  close(): void {
    for (const handle of this.#handles) handle?.close();
    this.#handles.length = 0;
  }

  #bind(flags: number): SocketHandle | number {
    const create = (net as unknown as { _createServerHandle: CreateServerHandle })._createServerHandle;
    const handle = create(this.host, this.#port, net.isIPv6(this.host) ? 6 : 4, undefined, flags);
    if (typeof handle !== 'number' && this.#port === 0) {
      const bound: { port?: number } = {};
      handle.getsockname(bound);
      this.#port = bound.port!;
    }
    return handle;
  }

  #failure(errno: number): SpillwayError {
    return new SpillwayError('SPILLWAY_LISTEN_FAILED', `cannot bind ${this.host}:${this.#port}: error ${errno}`);
  }
}
