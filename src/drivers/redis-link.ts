import type * as redisModule from 'redis';
import type { BasicPooledClientSideCache, RedisClientOptions, RedisClientType, RedisClusterType } from 'redis';
import { SpillwayError, messageOf, type Clock } from '../kernel/index.ts';
import { ClosableSockets } from './closable-sockets.ts';
import { Deadlines } from './deadlines.ts';
import type { RedisScript } from './redis-scripts.ts';
import { slotOf } from './redis-slots.ts';

/** Where Redis is: a URL, the URLs of some nodes of a cluster, or a client whose settings are copied. */
export type RedisTarget = string | readonly string[] | RedisClientLike;

/** A client of node-redis: `createClient()` or `createCluster()`. It is never used itself, only its settings. */
export interface RedisClientLike {
  duplicate(overrides?: object): unknown;
  readonly options?: RedisClientOptions;
}

/** See the option of that name in `redis-kv-store.ts`. */
export type RedisCoherence = 'tracking' | 'pubsub' | 'auto';

export type RedisArgument = string | Buffer;

/** What the server tells about changed keys. */
export interface TrackingListener {
  /** A key with one of the tracked prefixes was written, removed or expired, by another connection. */
  onKey(key: string): void;
  /** Changes may have been missed. */
  onGap(): void;
}

export interface RedisLinkOptions {
  readonly target: RedisTarget;
  readonly coherence: RedisCoherence;
  /** Longest wait for a reply, ms. */
  readonly timeoutMs: number;
  readonly trackedPrefixes: readonly string[];
  readonly listener: TrackingListener;
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
}

/** Sends a command to one node. */
export type Send = <Reply>(command: readonly RedisArgument[]) => Promise<Reply>;

/** Hears what is published. Listening twice on a channel with the same function is listening once. */
interface Subscriber {
  listen(channel: string, onMessage: (message: string, channel: string) => void): Promise<void>;
  close(): void;
}

/** node-redis takes a tenth of a second to load: only who uses it should wait for it. */
type NodeRedis = typeof redisModule;
type Client = RedisClientType | RedisClusterType;

/** Bulk strings (RESP type `$`) come back as Buffers. Deadlines are our own: node-redis makes an AbortSignal per command. */
const BUFFERS = { typeMapping: { 36: Buffer }, timeout: 0 } as const;
/** What a server says that does not know tracking or RESP3, or does not let this user. */
const NO_TRACKING = /^NOPROTO|tracking|unknown (sub)?command|no permissions to run the 'client' command/i;
const MOST_QUEUED_COMMANDS = 10_000;
const LONGEST_RECONNECT_PAUSE_MS = 1000;
const SOCKET = {
  connectTimeout: 2000,
  reconnectStrategy: (attempts: number) => Math.min(LONGEST_RECONNECT_PAUSE_MS, 25 * 2 ** Math.min(attempts, 10)),
};
/** How long a node is away before the others are asked who has taken over; by itself node-redis asks after five seconds. */
const TOPOLOGY_REFRESH_MS = 200;

/**
 * Connections to one Redis or to every master of a cluster. Commands and the server's messages about changed keys share
 * the connection, so what was read before a change can be told from what was read after. Commands fail at once while
 * there is no connection.
 */
export class RedisLink {
  readonly isCluster: boolean;
  readonly deadlines: Deadlines;
  readonly #options: RedisLinkOptions;
  #connected: Promise<Client>;
  #client: Client | undefined;
  #sockets = new ClosableSockets(SOCKET);
  /** Listens, where the server does not track: what a connection hears by would keep it from sending. */
  #subscriber: Subscriber | undefined;
  #hearsBy: 'tracking' | 'pubsub';
  #ready = false;
  #closed = false;

  constructor(options: RedisLinkOptions) {
    this.#options = options;
    const { target, coherence, clock, timeoutMs } = options;
    this.deadlines = new Deadlines(
      clock,
      timeoutMs,
      () => new SpillwayError('SPILLWAY_STORE_UNAVAILABLE', `Redis did not answer within ${timeoutMs} ms.`),
    );
    this.isCluster = isClusterTarget(target);
    this.#hearsBy = coherence === 'pubsub' ? 'pubsub' : 'tracking';
    this.#connected = this.#connect();
    this.#connected.catch(options.onError);
  }

  /** How this process hears of changes, once it is connected. */
  async hearsBy(): Promise<'tracking' | 'pubsub'> {
    await this.deadlines.bound(this.#connected);
    return this.#hearsBy;
  }

  /** Listens on a channel (on a cluster: of the shard that has its slot), if it does not yet; waits for as long as it takes. */
  async subscribe(channel: string, onMessage: (message: string, channel: string) => void): Promise<void> {
    const client = await this.#connected;
    if (this.#closed) throw closedError();
    this.#subscriber ??= this.#newSubscriber(client);
    await this.#subscriber.listen(channel, onMessage);
  }

  /** Sends a command to the node that has `key`. Bulk strings come back as Buffers. */
  send<Reply>(key: string, command: readonly RedisArgument[]): Promise<Reply> {
    return this.#bounded(async (client) =>
      isCluster(client)
        ? client.sendCommand<Reply>(key, false, [...command], BUFFERS)
        : client.sendCommand<Reply>(command, BUFFERS),
    );
  }

  /** Runs a script whose keys are all in one slot. */
  async run<Reply>(script: RedisScript, keys: readonly string[], args: readonly RedisArgument[]): Promise<Reply> {
    const rest = [String(keys.length), ...keys, ...args];
    try {
      return await this.send<Reply>(keys[0]!, ['EVALSHA', script.sha, ...rest]);
    } catch (error) {
      if (!messageOf((error as Error).cause ?? error).startsWith('NOSCRIPT')) throw error;
      return this.send<Reply>(keys[0]!, ['EVAL', script.source, ...rest]);
    }
  }

  /** Calls `work` for each master at once, with a way to send it commands and a hash tag that is its own. */
  async forEachMaster(work: (send: Send, hashTag: string) => Promise<unknown>): Promise<void> {
    const client = await this.#bounded((connected) => Promise.resolve({ connected })).then((found) => found.connected);
    if (!isCluster(client)) return void (await work((command) => this.send('', command), '0'));
    await Promise.all(
      keyPerMaster(client).map(async ({ master, key }) => {
        const node = await this.#bounded(() => client.nodeClient(master));
        await work((command) => this.#bounded(() => node.sendCommand(command, BUFFERS)), key);
      }),
    );
  }

  /** The masters' addresses: changes when one takes over. */
  get topology(): string {
    const client = this.#client;
    return client && isCluster(client)
      ? client.masters
          .map((master) => master.address)
          .toSorted()
          .join()
      : '';
  }

  close(): void {
    this.#closed = true;
    this.#disconnect();
  }

  #disconnect(): void {
    if (this.#client?.isOpen) this.#client.destroy();
    this.#sockets.close();
    this.#subscriber?.close();
    this.#subscriber = undefined;
  }

  async #connect(): Promise<Client> {
    const redis = await import('redis');
    const { listener, onError } = this.#options;
    const tracking = this.#hearsBy === 'tracking' ? trackingBy(redis, this.#options) : undefined;
    const sockets = (this.#sockets = new ClosableSockets(SOCKET));
    const client = connectionTo(redis, this.#options, tracking, sockets.options);
    this.#client = client;
    const refused = Promise.withResolvers<Client>();
    const onFault = (error: unknown): void => {
      if (sockets.options.signal.aborted) return;
      onError(error);
      // Refused in the handshake, at the first connection or at a later one.
      if (client === this.#client && this.#mayDoWithoutTracking(redis, error)) refused.resolve(this.#connectWithoutTracking());
    };
    const onReady = (): void => {
      // What changed while there was no connection, nobody told.
      if (this.#ready && this.#hearsBy === 'tracking') listener.onGap();
    };
    client.on('error', onFault).on('node-error', onFault);
    client.on('ready', onReady).on('node-ready', onReady);
    if (this.#closed) throw closedError();
    const connected = client.connect().then(
      () => {
        if (client !== this.#client) return client;
        if (tracking && !tracking.isInUse) return this.#passedOver();
        this.#ready = true;
        return client;
      },
      (error: Error) => {
        if (client === this.#client) throw error;
        return refused.promise;
      },
    );
    return Promise.race([refused.promise, connected]);
  }

  #mayDoWithoutTracking(redis: NodeRedis, error: unknown): boolean {
    const { coherence } = this.#options;
    if (coherence !== 'auto' || this.#hearsBy === 'pubsub' || this.#closed) return false;
    return error instanceof redis.ErrorReply && NO_TRACKING.test(error.message);
  }

  /** The user's client comes from another copy of node-redis, which knows nothing of our kind of tracking. */
  #passedOver(): Promise<Client> {
    if (this.#options.coherence === 'auto' && !this.#closed) return this.#connectWithoutTracking();
    this.#disconnect();
    const fix = `give its URL, or leave coherence at 'auto'`;
    throw new Error(`the client is of another copy of node-redis, which cannot be told to track: ${fix}`);
  }

  #connectWithoutTracking(): Promise<Client> {
    this.#hearsBy = 'pubsub';
    this.#ready = false;
    this.#disconnect();
    this.#options.listener.onGap();
    return (this.#connected = this.#connect());
  }

  #newSubscriber(client: Client): Subscriber {
    if (isCluster(client)) {
      return { listen: (channel, onMessage) => client.sSubscribe(channel, onMessage), close: () => {} };
    }
    const own = client.duplicate().on('error', this.#options.onError);
    const connected = own.connect();
    connected.catch(() => {});
    return {
      listen: async (channel, onMessage) => {
        await connected;
        await own.subscribe(channel, onMessage);
      },
      close: () => {
        if (own.isOpen) own.destroy();
      },
    };
  }

  async #bounded<Reply>(send: (client: Client) => Promise<Reply>): Promise<Reply> {
    try {
      return await this.deadlines.bound(this.#ready ? send(this.#client!) : this.#connected.then(send));
    } catch (error) {
      if (error instanceof SpillwayError) throw error;
      throw new SpillwayError('SPILLWAY_STORE_UNAVAILABLE', `Redis: ${messageOf(error)}`, { cause: error });
    }
  }
}

interface Tracking extends BasicPooledClientSideCache {
  /** Whether a connection has asked how to track. */
  readonly isInUse: boolean;
}

/**
 * Takes the place of node-redis' client-side cache, for its messages only: `BCAST` needs no memory per key in the
 * server, `NOLOOP` spares us our own writes.
 */
function trackingBy(redis: NodeRedis, { trackedPrefixes, listener, onError }: RedisLinkOptions): Tracking {
  class OwnTracking extends redis.BasicPooledClientSideCache implements Tracking {
    isInUse = false;

    override trackingOn(): string[] {
      this.isInUse = true;
      return ['CLIENT', 'TRACKING', 'ON', 'BCAST', 'NOLOOP', ...trackedPrefixes.flatMap((prefix) => ['PREFIX', prefix])];
    }

    override invalidate(key: Buffer | string | null): void {
      try {
        if (key === null) listener.onGap();
        else listener.onKey(key.toString());
      } catch (error) {
        // Thrown on, it would make node-redis lose its place among the replies.
        onError(error);
      }
    }

    override onError(): void {
      listener.onGap();
    }

    override onClose(): void {
      listener.onGap();
    }
  }
  return new OwnTracking();
}

function connectionTo(
  redis: NodeRedis,
  { target }: RedisLinkOptions,
  tracking: Tracking | undefined,
  socket: ClosableSockets<typeof SOCKET>['options'],
): Client {
  // RESP2 where there is no tracking: the server may not know better. Node-redis' notices of upkeep would need RESP3.
  const protocol = tracking
    ? ({ RESP: 3, clientSideCache: tracking } as const)
    : ({ RESP: 2, maintNotifications: 'disabled' } as const);
  const settings = { disableOfflineQueue: true, commandsQueueMaxLength: MOST_QUEUED_COMMANDS, socket };
  if (typeof target === 'string') return redis.createClient({ url: target, ...protocol, ...settings }) as RedisClientType;
  if (Array.isArray(target)) {
    const [first] = target as string[];
    const rootNodes = (target as string[]).map((url) => ({ url }));
    const defaults = { ...settings, ...credentialsOf(first!), socket: { ...settings.socket, ...tlsOf(first!) } };
    const topology = { topologyRefreshOnReconnectionAttemptStrategy: TOPOLOGY_REFRESH_MS };
    return redis.createCluster({ rootNodes, ...protocol, ...topology, defaults }) as unknown as RedisClusterType;
  }
  // A client of our own with the settings of the user's: credentials, TLS, database.
  const client = target as RedisClientLike;
  if (isClusterTarget(client)) return client.duplicate({ ...protocol }) as RedisClusterType;
  const own = client.options?.socket;
  return client.duplicate({ ...protocol, ...settings, socket: { ...own, ...socket } }) as RedisClientType;
}

function closedError(): SpillwayError {
  return new SpillwayError('SPILLWAY_CLOSED', 'The connection to Redis was closed.');
}

/** Nodes that a cluster names by address only are logged in to as the first. */
function credentialsOf(url: string): RedisClientOptions {
  const { username, password } = new URL(url);
  return {
    ...(username && { username: decodeURIComponent(username) }),
    ...(password && { password: decodeURIComponent(password) }),
  };
}

function tlsOf(url: string): { tls?: true } {
  return new URL(url).protocol === 'rediss:' ? { tls: true } : {};
}

/** Whether the target is a cluster, as its form tells. */
export function isClusterTarget(target: RedisTarget): boolean {
  return typeof target !== 'string' && (Array.isArray(target) || 'masters' in target);
}

function isCluster(client: Client): client is RedisClusterType {
  return 'masters' in client;
}

/** For each master a key, as a hash tag, of a slot that is its own. */
function keyPerMaster(cluster: RedisClusterType): { master: RedisClusterType['masters'][number]; key: string }[] {
  const found = new Map<RedisClusterType['masters'][number], string>();
  const wanted = new Set(cluster.masters);
  for (let at = 0; wanted.size > 0 && at < 100_000; at++) {
    const { master } = cluster.slots[slotOf(String(at))] ?? {};
    if (master && wanted.delete(master)) found.set(master, String(at));
  }
  return [...found].map(([master, key]) => ({ master, key }));
}
