import { randomUUID } from 'node:crypto';
import { messageOf, runtimeFrom, type Clock, type Runtime } from '../kernel/index.ts';
import type {
  Acquisition,
  FillFailure,
  KvStore,
  StoredValue,
  StoreListener,
  StoreWatch,
  StoreWrite,
  TagVersion,
} from '../ports/index.ts';
import { Announcements } from './redis-announcements.ts';
import { isClusterTarget, RedisLink, type RedisArgument, type RedisCoherence, type RedisTarget } from './redis-link.ts';
import { Names } from './redis-names.ts';
import {
  ABANDON,
  ACQUIRE,
  BUMP,
  COMMIT,
  EXPIRE,
  LISTEN,
  PUT,
  REMOVE,
  RENEW,
  TELL_PATTERN,
  VERSION,
  type RedisScript,
} from './redis-scripts.ts';

export interface RedisKvStoreOptions {
  readonly target: RedisTarget;
  /** Starts every key in Redis: caches with the same prefix share their values. */
  readonly prefix: string;
  /** Longest wait for a reply of Redis, ms. Default 50. */
  readonly timeoutMs?: number;
  /**
   * How a process hears of changes by others: `tracking` (RESP3 client tracking), `pubsub` (numbered messages, sharded on a
   * cluster, which must be Redis 7 then), or `auto` (default): tracking, where the server and its ACL allow it.
   */
  readonly coherence?: RedisCoherence;
  /** How long the version of an unused tag is kept, ms; longer than any entry lives. Default 30 days. */
  readonly tagRetentionMs?: number;
  readonly onError?: (error: unknown) => void;
}

const HEAD_BYTES = 16;
const SCAN_COUNT = 500;
const MGET_KEYS = 200;
const DEFAULT_TIMEOUT_MS = 50;
const DEFAULT_TAG_RETENTION_MS = 30 * 24 * 3_600_000;
const LONGEST_PROOF_PERIOD_MS = 2000;
/** How long changes go on being numbered and published after the last who listens was heard of. */
const LISTEN_MS = 60_000;

/** Values, leases and tag versions in Redis (6.2 and later, or Valkey), on one server or a cluster. */
export function createRedisKvStore(options: RedisKvStoreOptions, runtime: Partial<Runtime> = {}): KvStore {
  return new RedisKvStore(options, runtimeFrom(runtime).clock);
}

class RedisKvStore implements KvStore {
  readonly name = 'redis';
  readonly #names: Names;
  readonly #link: RedisLink;
  readonly #clock: Clock;
  readonly #tagRetentionMs: number;
  readonly #watchers = new Set<Watcher>();
  readonly #announcements: Announcements;
  readonly #process = randomUUID();
  #waiting: { key: string; resolve: (value: Buffer | null) => void; reject: (error: unknown) => void }[] = [];
  #versions = 0;

  constructor(options: RedisKvStoreOptions, clock: Clock) {
    this.#clock = clock;
    this.#tagRetentionMs = options.tagRetentionMs ?? DEFAULT_TAG_RETENTION_MS;
    this.#names = new Names(options.prefix, isClusterTarget(options.target));
    const listener = {
      onKey: (key: string) => {
        for (const watcher of this.#watchers) watcher.onKey(this.#names.parse(key));
      },
      onGap: () => {
        for (const watcher of this.#watchers) watcher.onGap();
      },
    };
    this.#link = new RedisLink({
      target: options.target,
      coherence: options.coherence ?? 'auto',
      timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      trackedPrefixes: this.#names.tracked,
      listener,
      clock,
      onError: options.onError ?? (() => {}),
    });
    this.#announcements = new Announcements({
      lanes: this.#names.lanes,
      sender: this.#process,
      listener,
      subscribe: (lane, onMessage) => this.#link.subscribe(lane, onMessage),
      ask: async (lane) => {
        const args = [this.#newVersion(), this.#link.isCluster ? 'SPUBLISH' : 'PUBLISH', String(LISTEN_MS)];
        const [epoch, count] = await this.#link.run<[Buffer, Buffer]>(LISTEN, [lane], args);
        return { epoch: epoch.toString(), count: Number(count) };
      },
      deadlines: this.#link.deadlines,
    });
  }

  /** Reads of one turn become one `MGET`; on a cluster, where keys have slots, they are sent in one write per node. */
  async get(key: string): Promise<StoredValue | undefined> {
    const name = this.#names.of('d', key);
    if (this.#link.isCluster) return decode(await this.#link.send<Buffer | null>(name, ['GET', name]));
    return new Promise((resolve, reject) => {
      if (this.#waiting.push({ key: name, resolve: (value) => resolve(decode(value)), reject }) === 1) {
        queueMicrotask(() => this.#flushReads());
      }
    });
  }

  /** One `MGET`; on a cluster, where one must stay within a slot, one per lane, in one write per node. */
  async getMany(keys: readonly string[]): Promise<(StoredValue | undefined)[]> {
    const names = keys.map((key) => this.#names.of('d', key));
    if (!this.#link.isCluster && names.length <= MGET_KEYS) return (await this.#readTogether(names)).map(decode);
    const found: (StoredValue | undefined)[] = Array.from({ length: keys.length });
    await Promise.all(
      this.#together(names).map(async (places) => {
        const values = await this.#readTogether(places.map((at) => names[at]!));
        for (const [index, at] of places.entries()) found[at] = decode(values[index]!);
      }),
    );
    return found;
  }

  async put(writes: readonly StoreWrite[], { ifNewer = false }: { readonly ifNewer?: boolean } = {}): Promise<void> {
    const only = ifNewer ? '1' : '';
    await Promise.all(
      writes.map(({ key, value, keepMs }) => this.#change(PUT, this.#names.all(key), [encode(value), wholeMs(keepMs), only])),
    );
  }

  async remove(keys: readonly string[], { beforeMs }: { readonly beforeMs?: number } = {}): Promise<number> {
    const before = beforeMs === undefined ? '' : String(beforeMs);
    const removed = await Promise.all(keys.map((key) => this.#change<number>(REMOVE, this.#names.all(key), [before])));
    return removed.reduce((sum, count) => sum + count, 0);
  }

  async expire(key: string, nowMs: number): Promise<boolean> {
    return (await this.#change<number>(EXPIRE, this.#names.all(key), [String(nowMs)])) === 1;
  }

  /**
   * Memory elsewhere first, so that what runs there is overtaken. Then the leases, so that nothing that was being loaded
   * is stored any more; then the values, those included that were stored while the leases were looked for.
   */
  async removeMatching(pattern: string): Promise<number> {
    await this.#change(TELL_PATTERN, this.#names.withLane('p', pattern), []);
    await this.#scan(this.#names.pattern('l', pattern), (name) => this.#link.send<number>(name, ['DEL', name]));
    return this.#scan(this.#names.pattern('d', pattern), (name) =>
      this.#change<number>(REMOVE, this.#names.all(this.#names.parse(name).key), ['']),
    );
  }

  async acquire(key: string, token: string, leaseMs: number, seenMs: number): Promise<Acquisition> {
    const seen = seenMs === Infinity ? '1e300' : String(seenMs);
    const [outcome, detail, leftMs] = await this.#link.run<[Buffer, Buffer | number, number]>(ACQUIRE, this.#names.all(key), [
      token,
      wholeMs(leaseMs),
      seen,
    ]);
    switch (outcome.toString()) {
      case 'granted':
        return { outcome: 'granted' };
      case 'stored':
        return { outcome: 'stored', value: decode(detail as Buffer)! };
      case 'failed':
        return { outcome: 'failed', failure: JSON.parse(String(detail)) as FillFailure, leftMs: Math.max(1, leftMs) };
      default:
        return { outcome: 'held', leftMs: Math.max(1, detail as number) };
    }
  }

  async renew(key: string, token: string, leaseMs: number): Promise<boolean> {
    return (await this.#link.run<number>(RENEW, this.#names.all(key), [token, wholeMs(leaseMs)])) === 1;
  }

  async commit(token: string, { key, value, keepMs }: StoreWrite): Promise<boolean> {
    return (await this.#change<number>(COMMIT, this.#names.all(key), [token, encode(value), wholeMs(keepMs)])) === 1;
  }

  async abandon(key: string, token: string, failure?: FillFailure, keepMs = 1): Promise<void> {
    await this.#change(ABANDON, this.#names.all(key), [token, failure ? JSON.stringify(failure) : '', wholeMs(keepMs)]);
  }

  versions(tags: readonly string[]): Promise<TagVersion[]> {
    return Promise.all(
      tags.map(async (tag) => {
        const offered = this.#newVersion();
        const args = [offered, String(this.#tagRetentionMs)];
        const version = parseVersion(await this.#change<Buffer>(VERSION, this.#names.withLane('t', tag), args));
        return version.hard === offered ? { ...version, isNew: true } : version;
      }),
    );
  }

  bump(tags: readonly string[], soft: boolean): Promise<TagVersion[]> {
    return Promise.all(
      tags.map(async (tag) => {
        const args = [this.#newVersion(), String(this.#tagRetentionMs), soft ? '1' : ''];
        return parseVersion(await this.#change<Buffer>(BUMP, this.#names.withLane('t', tag), args));
      }),
    );
  }

  /** Asks each master for a key of its own slots: one that lost them does not answer. */
  async ping(): Promise<void> {
    await this.#link.forEachMaster(async (send, hashTag) => {
      const question = ['GET', this.#names.inSlotOf(hashTag)];
      try {
        await send(question);
      } catch (error) {
        // Asked the ordinary way, the client learns who has the slot now, for the next time.
        if (isReply(error, 'MOVED')) await this.#link.send(question[1]!, question);
        throw error;
      }
    });
  }

  watch(listener: StoreListener, maxStalenessMs: number): StoreWatch {
    const watcher = new Watcher(listener, {
      clock: this.#clock,
      periodMs: Math.min(LONGEST_PROOF_PERIOD_MS, maxStalenessMs / 4),
      prove: async () => ((await this.#link.hearsBy()) === 'tracking' ? this.#answersInOrder() : this.#announcements.prove()),
      onClose: () => this.#watchers.delete(watcher),
    });
    this.#watchers.add(watcher);
    return watcher;
  }

  async close(): Promise<void> {
    for (const watcher of this.#watchers) await watcher.close();
    this.#link.close();
  }

  /** Runs a script that changes something, and tells those who listen. */
  #change<Reply>(script: RedisScript, keys: readonly string[], args: readonly RedisArgument[]): Promise<Reply> {
    return this.#link.run<Reply>(script, keys, [...args, this.#process]);
  }

  async #answersInOrder(): Promise<boolean> {
    const before = this.#link.topology;
    await this.ping();
    return before === this.#link.topology;
  }

  #flushReads(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (let at = 0; at < waiting.length; at += MGET_KEYS) {
      const reads = waiting.slice(at, at + MGET_KEYS);
      this.#readTogether(reads.map((read) => read.key)).then(
        (values) => {
          for (const [index, read] of reads.entries()) read.resolve(values[index]!);
        },
        (error: unknown) => {
          for (const read of reads) read.reject(error);
        },
      );
    }
  }

  /** Which of the names one `MGET` can ask for, as their places in the list. */
  #together(names: readonly string[]): number[][] {
    const groups: number[][] = [];
    const open = new Map<string, number[]>();
    for (const [at, name] of names.entries()) {
      const lane = this.#link.isCluster ? this.#names.laneStart(name) : '';
      const group = open.get(lane);
      if (group && group.length < MGET_KEYS) group.push(at);
      else {
        const fresh = [at];
        open.set(lane, fresh);
        groups.push(fresh);
      }
    }
    return groups;
  }

  async #readTogether(names: readonly string[]): Promise<(Buffer | null)[]> {
    if (names.length === 0) return [];
    try {
      return await this.#link.send(names[0]!, ['MGET', ...names]);
    } catch (error) {
      if (!isReply(error, 'TRYAGAIN')) throw error;
      // The slot is moving to another node, and some of the values have gone there already.
      return Promise.all(names.map((name) => this.#link.send<Buffer | null>(name, ['GET', name])));
    }
  }

  /** Visits every name that matches, on every master, a few hundred at a time. */
  async #scan(pattern: string, visit: (name: string) => Promise<number>): Promise<number> {
    let sum = 0;
    await this.#link.forEachMaster(async (send) => {
      let cursor = '0';
      do {
        const [next, names] = await send<[Buffer, Buffer[]]>(['SCAN', cursor, 'MATCH', pattern, 'COUNT', String(SCAN_COUNT)]);
        cursor = next.toString();
        for (const count of await Promise.all(names.map((name) => visit(name.toString())))) sum += count;
      } while (cursor !== '0');
    });
    return sum;
  }

  #newVersion(): string {
    return `${this.#process}.${++this.#versions}`;
  }
}

interface WatcherParts {
  readonly clock: Clock;
  readonly periodMs: number;
  /** Resolves with true when each master has answered, with the same masters before and after. */
  readonly prove: () => Promise<boolean>;
  readonly onClose: () => void;
}

/** Passes messages on, and proves from time to time that there was none to miss. */
class Watcher implements StoreWatch {
  provenMs = -Infinity;
  readonly #listener: StoreListener;
  readonly #with: WatcherParts;
  readonly #timer: { cancel(): void };
  /** Start of the last round that was answered. */
  #answeredMs = -Infinity;
  #rounds = 0;
  #running = false;

  constructor(listener: StoreListener, parts: WatcherParts) {
    this.#listener = listener;
    this.#with = parts;
    this.#timer = parts.clock.setRepeating(() => void this.#round(), parts.periodMs);
    void this.#round().then(() => this.#round());
  }

  onKey({ kind, key }: { kind: string; key: string }): void {
    if (kind === 'd') this.#listener.onValue(key);
    else if (kind === 't') this.#listener.onTag(key);
    else if (kind === 'f') this.#listener.onAbandoned(key);
    else if (kind === 'p') this.#listener.onPattern(key);
  }

  onGap(): void {
    this.#rounds++;
    this.#listener.onGap();
    this.provenMs = this.#answeredMs = -Infinity;
  }

  async close(): Promise<void> {
    this.#timer.cancel();
    this.#with.onClose();
  }

  /**
   * Redis sends its messages on changed keys at the end of a turn, after the replies of that turn. So an answer proves
   * what changed before the round before it began: then that round's answer came after those messages.
   */
  async #round(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    const startedMs = this.#with.clock.monotonic();
    const gaps = this.#rounds;
    try {
      const proven = await this.#with.prove();
      if (gaps !== this.#rounds) return;
      this.provenMs = proven ? this.#answeredMs : -Infinity;
      this.#answeredMs = proven ? startedMs : -Infinity;
    } catch {
      // No answer proves nothing, and takes nothing back.
    } finally {
      this.#running = false;
    }
  }
}

/** Whether Redis refused a command with this word. */
function isReply(error: unknown, word: 'MOVED' | 'TRYAGAIN'): boolean {
  return messageOf((error as Error).cause).startsWith(word);
}

function encode({ storedMs, freshUntilMs, bytes }: StoredValue): Buffer {
  const value = Buffer.allocUnsafe(HEAD_BYTES + bytes.length);
  value.writeDoubleLE(storedMs, 0);
  value.writeDoubleLE(freshUntilMs, 8);
  value.set(bytes, HEAD_BYTES);
  return value;
}

function decode(value: Buffer | null): StoredValue | undefined {
  if (value === null || value.length < HEAD_BYTES) return undefined;
  return { storedMs: value.readDoubleLE(0), freshUntilMs: value.readDoubleLE(8), bytes: value.subarray(HEAD_BYTES) };
}

function parseVersion(text: Buffer): TagVersion {
  const [hard, soft] = text.toString().split('|') as [string, string];
  return { hard, soft };
}

function wholeMs(ms: number): string {
  return String(Math.max(1, Math.ceil(Math.min(ms, Number.MAX_SAFE_INTEGER / 1000))));
}
