import { randomUUID } from 'node:crypto';
import { createClient, createCluster, RESP_TYPES } from 'redis';
import { z } from 'zod';
import {
  duration,
  messageOf,
  parseOptions,
  runtimeFrom,
  SpillwayError,
  type Clock,
  type Runtime,
  type Timer,
} from '../kernel/index.ts';
import type {
  CounterStore,
  CountGroup,
  PermitAnswer,
  RefundEntry,
  StoredLimit,
  StoredState,
  TakeAnswer,
  TakeRequest,
} from '../ports/index.ts';
import { ClosableSockets } from './closable-sockets.ts';
import { ACQUIRE_PERMIT, HEARTBEAT, REFUND, RENEW_PERMIT, TAKE, type CounterScript } from './redis-counter-scripts.ts';

export const redisCountersOptions = z.strictObject({
  url: z.union([z.string(), z.array(z.string()).min(1)]).describe('One Redis, or the nodes of a Redis Cluster.'),
  prefix: z.string().max(64).default('spillway:limit').describe('What every key begins with.'),
  maxPending: z.int().min(1).default(10_000).describe('Calls waiting for Redis at most; more are refused at once.'),
  heartbeat: duration({ min: '100ms' }).prefault('2s').describe('How often a process says that it is there.'),
});

export type RedisCountersOptions = z.input<typeof redisCountersOptions>;

const KIND = { sliding: 1, smooth: 2, quota: 3 } as const;
const STATE_BYTES = 32;

/**
 * Counts in Redis (6.2 and later, or Redis Cluster). It connects by itself and goes on trying for as long as it is open;
 * while it cannot, calls fail at once.
 * @throws ConfigError when options are wrong.
 */
export function createRedisCounters(options: RedisCountersOptions, runtime: Partial<Runtime> = {}): RedisCounters {
  return new RedisCounters(
    parseOptions(redisCountersOptions, options, 'createRedisCounters(options)'),
    runtimeFrom(runtime).clock,
  );
}

type Arguments = readonly (string | Buffer)[];

/** What this driver uses of node-redis, the same for one server and for a cluster. */
interface Connection {
  readonly isCluster: boolean;
  send(firstKey: string, args: Arguments): Promise<unknown>;
  destroy(): void;
}

export class RedisCounters implements CounterStore {
  readonly #prefix: string;
  readonly #heartbeatMs: number;
  readonly #connection: Connection;
  readonly #timer: Timer;
  readonly #id = randomUUID();
  /** Limits as the scripts want them, per array of limits. */
  readonly #packed = new WeakMap<readonly StoredLimit[], PackedLimits>();
  #instances = 1;
  #closed = false;

  constructor(options: z.output<typeof redisCountersOptions>, clock: Clock) {
    this.#prefix = options.prefix;
    this.#heartbeatMs = options.heartbeat;
    this.#connection = connect(options.url, options.maxPending);
    this.#timer = clock.setRepeating(() => this.#beat(), options.heartbeat);
    this.#beat();
  }

  get instances(): number {
    return this.#instances;
  }

  async take(request: TakeRequest): Promise<TakeAnswer> {
    const { groups } = request;
    if (groups.length === 1 || !this.#connection.isCluster) return this.#take(groups, request);
    return this.#takeAcrossSlots(request);
  }

  async refund(entries: readonly RefundEntry[]): Promise<void> {
    await Promise.all(
      entries.map(({ group, receipts, cost }) => {
        const key = this.#keyOf(group.key);
        const packed = receipts === undefined ? '' : doubles(receipts);
        return this.#run(REFUND, [key], [this.#pack(group.limits).params, String(cost), packed]);
      }),
    );
  }

  async reset(keys: readonly string[]): Promise<void> {
    await Promise.all(keys.map((key) => this.#send(this.#keyOf(key), ['UNLINK', this.#keyOf(key)])));
  }

  async acquirePermit(key: string, holder: string, limit: number, leaseMs: number): Promise<PermitAnswer> {
    const answer = await this.#run(ACQUIRE_PERMIT, [this.#keyOf(key)], [holder, String(limit), String(leaseMs)]);
    const [granted, held, retryAfterMs] = answer as [number, number, number];
    return { granted: granted === 1, held, retryAfterMs };
  }

  async renewPermit(key: string, holder: string, leaseMs: number): Promise<boolean> {
    return (await this.#run(RENEW_PERMIT, [this.#keyOf(key)], [holder, String(leaseMs)])) === 1;
  }

  async releasePermit(key: string, holder: string): Promise<void> {
    await this.#send(this.#keyOf(key), ['ZREM', this.#keyOf(key), holder]);
  }

  async ping(): Promise<void> {
    await this.#run(HEARTBEAT, [this.#keyOf('instances')], [this.#id, String(this.#heartbeatMs * 3), '1']);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer.cancel();
    this.#connection.destroy();
  }

  async #take(groups: readonly CountGroup[], { cost, atLeast, leaseMs, force }: TakeRequest): Promise<TakeAnswer> {
    const packed = groups.map((group) => this.#pack(group.limits));
    const keys = groups.map((group) => this.#keyOf(group.key));
    const params = packed.length === 1 ? packed[0]!.params : Buffer.concat(packed.map((one) => one.params));
    const keepMs = packed.length === 1 ? packed[0]!.keepMs : String(Math.max(...packed.map((one) => Number(one.keepMs))));
    const args = [params, String(cost), String(atLeast), String(leaseMs), keepMs, force ? '1' : '0'];
    return readAnswer((await this.#run(TAKE, keys, args)) as Buffer);
  }

  /** In a cluster keys lie on different nodes: each decides for itself, and what was granted is returned if one refuses. */
  async #takeAcrossSlots(request: TakeRequest): Promise<TakeAnswer> {
    const { groups, force } = request;
    const answers = await Promise.all(groups.map((group) => this.#take([group], request)));
    const allowed = answers.every((answer) => answer.allowed);
    const granted = allowed ? Math.min(...answers.map((answer) => answer.granted)) : 0;
    const surplus = groups.flatMap((group, i): RefundEntry[] => {
      const { granted: own, states } = answers[i]!;
      return own > granted && !force ? [{ group, receipts: states.map((state) => state.receipt), cost: own - granted }] : [];
    });
    if (surplus.length > 0) await this.refund(surplus);
    return { allowed, granted, states: answers.flatMap((answer) => answer.states) };
  }

  #beat(): void {
    this.#run(HEARTBEAT, [this.#keyOf('instances')], [this.#id, String(this.#heartbeatMs * 3), '1']).then(
      (count) => void (this.#instances = Math.max(1, Number(count))),
      // Whoever decides meanwhile notices the failure; the last number known stands.
      () => {},
    );
  }

  /** The subject is the hash tag, so that everything of one subject lies in one slot. */
  #keyOf(key: string): string {
    return `${this.#prefix}:{${key}}`;
  }

  #pack(limits: readonly StoredLimit[]): PackedLimits {
    let packed = this.#packed.get(limits);
    if (!packed) this.#packed.set(limits, (packed = packLimits(limits)));
    return packed;
  }

  async #run(script: CounterScript, keys: readonly string[], args: Arguments): Promise<unknown> {
    try {
      return await this.#connection.send(keys[0]!, ['EVALSHA', script.sha, String(keys.length), ...keys, ...args]);
    } catch (error) {
      if (!messageOf(error).startsWith('NOSCRIPT')) throw storeFailed(error);
      return this.#send(keys[0]!, ['EVAL', script.source, String(keys.length), ...keys, ...args]);
    }
  }

  async #send(firstKey: string, args: Arguments): Promise<unknown> {
    try {
      return await this.#connection.send(firstKey, args);
    } catch (error) {
      throw storeFailed(error);
    }
  }
}

interface PackedLimits {
  readonly params: Buffer;
  /** How long Redis keeps the key after the last unit was counted, ms. */
  readonly keepMs: string;
}

function packLimits(limits: readonly StoredLimit[]): PackedLimits {
  const parts: Buffer[] = [Buffer.from([limits.length])];
  let keepMs = 0;
  for (const { algorithm, limit, windowMs, buckets, burst, periods } of limits) {
    const record = Buffer.alloc(17);
    record.writeUInt8(KIND[algorithm], 0);
    record.writeUInt32LE(limit, 1);
    record.writeDoubleLE(windowMs, 5);
    record.writeUInt32LE(algorithm === 'sliding' ? buckets : algorithm === 'smooth' ? burst : periods.length, 13);
    parts.push(record, doubles(periods));
    keepMs = Math.max(keepMs, keepFor({ algorithm, limit, windowMs, buckets, burst, periods }));
  }
  return { params: Buffer.concat(parts), keepMs: String(Math.ceil(keepMs) + 1) };
}

/** How long units of a limit can count, and so how long its key must live. */
function keepFor({ algorithm, limit, windowMs, buckets, burst, periods }: StoredLimit): number {
  if (algorithm === 'sliding') return windowMs + (2 * windowMs) / buckets;
  return algorithm === 'smooth' ? (burst * windowMs) / limit : periods.at(-1)! - periods[0]!;
}

function doubles(values: readonly number[]): Buffer {
  const buffer = Buffer.alloc(values.length * 8);
  values.forEach((value, i) => buffer.writeDoubleLE(value, i * 8));
  return buffer;
}

function readAnswer(reply: Buffer): TakeAnswer {
  const states: StoredState[] = [];
  for (let at = 5; at < reply.length; at += STATE_BYTES) {
    const retryAfterMs = reply.readDoubleLE(at + 16);
    states.push({
      used: reply.readDoubleLE(at),
      resetMs: Math.max(0, Math.ceil(reply.readDoubleLE(at + 8))),
      retryAfterMs: retryAfterMs < 0 ? Infinity : Math.ceil(retryAfterMs),
      receipt: reply.readDoubleLE(at + 24),
    });
  }
  return { allowed: reply[0] === 1, granted: reply.readUInt32LE(1), states };
}

function storeFailed(cause: unknown): SpillwayError {
  return new SpillwayError('SPILLWAY_COUNTER_STORE_FAILED', `Redis did not answer: ${messageOf(cause)}`, { cause });
}

const BINARY = { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } } as const;
const SOCKET = { connectTimeout: 1000, noDelay: true, reconnectStrategy: (attempt: number) => Math.min(250, 25 * 2 ** attempt) };

/** How long a node is away before the others are asked who has taken over; by itself node-redis asks after five seconds. */
const TOPOLOGY_REFRESH_MS = 200;

function connect(url: string | readonly string[], maxPending: number): Connection {
  const ignore = (): void => {};
  if (typeof url === 'string') {
    const client = createClient({ url, socket: SOCKET, disableOfflineQueue: true, commandsQueueMaxLength: maxPending });
    // Every failing call rejects; the event only keeps node-redis from throwing.
    client.on('error', ignore);
    client.connect().catch(ignore);
    return {
      isCluster: false,
      send: (_, args) => client.sendCommand(args, BINARY),
      destroy: () => client.destroy(),
    };
  }
  const sockets = new ClosableSockets(SOCKET);
  const cluster = createCluster({
    rootNodes: url.map((node) => ({ url: node })),
    defaults: { socket: sockets.options, disableOfflineQueue: true, commandsQueueMaxLength: maxPending },
    minimizeConnections: false,
    topologyRefreshOnReconnectionAttemptStrategy: TOPOLOGY_REFRESH_MS,
  });
  cluster.on('error', ignore).on('node-error', ignore);
  cluster.connect().catch(ignore);
  return {
    isCluster: true,
    send: (firstKey, args) => cluster.sendCommand(firstKey, false, args as string[], BINARY),
    destroy: () => {
      cluster.destroy();
      sockets.close();
    },
  };
}
