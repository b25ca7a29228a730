import { messageOf, SpillwayError, type Clock, type Timer } from '../kernel/index.ts';
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

/** The way from a worker to its primary: ordered, and open as long as both live. A cluster's worker fulfils it. */
export interface StoreLine {
  ask(kind: string, payload: unknown, withinMs: number): Promise<unknown>;
  answer(kind: string, fn: (payload: unknown) => unknown): void;
}

/** The way from the primary to its workers. A cluster's primary fulfils it. */
export interface StoreLines {
  answer(kind: string, fn: (payload: unknown, workerId: number) => unknown): void;
  askWorker(workerId: number, kind: string, payload?: unknown): Promise<unknown>;
}

type Method = Exclude<keyof KvStore, 'name' | 'watch' | 'close'>;

interface Call {
  readonly method: Method | 'watch';
  readonly args: readonly unknown[];
}

/** A change, as the name of the listener's method and what it is about. */
type Change = readonly [method: keyof StoreListener, about?: string];

const CALL = 'store.call';
const CHANGES = 'store.changes';
const ANSWER_MS = 2000;

/**
 * A store that lives in the primary, for the caches of its workers: pages are rendered once per machine, and every worker
 * serves them, with nothing installed.
 */
export function remoteKvStore(line: StoreLine, clock: Clock): KvStore {
  return new RemoteKvStore(line, clock);
}

/** Serves `connect()`'s stores to workers, one each. Returns what to call when a worker is gone. */
export function serveKvStore(connect: () => KvStore, lines: StoreLines): (workerId: number) => void {
  const clients = new Map<number, WorkerClient>();
  lines.answer(CALL, (payload, workerId) => {
    let client = clients.get(workerId);
    if (!client)
      clients.set(workerId, (client = new WorkerClient(connect(), (changes) => lines.askWorker(workerId, CHANGES, changes))));
    return client.call(payload as Call);
  });
  return (workerId) => {
    void clients.get(workerId)?.store.close();
    clients.delete(workerId);
  };
}

/** One worker's client in the primary. Changes are told before the answer to whatever the worker asks afterwards. */
class WorkerClient {
  readonly store: KvStore;
  readonly #tell: (changes: readonly Change[]) => Promise<unknown>;
  #waiting: Change[] = [];

  constructor(store: KvStore, tell: (changes: readonly Change[]) => Promise<unknown>) {
    this.store = store;
    this.#tell = tell;
  }

  async call({ method, args }: Call): Promise<unknown> {
    if (method === 'watch') return this.#watch();
    const result: unknown = await (this.store[method] as (...given: unknown[]) => Promise<unknown>).apply(this.store, [...args]);
    this.#flush();
    return result;
  }

  #watch(): void {
    const note =
      (method: keyof StoreListener) =>
      (about?: string): void => {
        if (this.#waiting.length === 0) queueMicrotask(() => this.#flush());
        this.#waiting.push([method, about!]);
      };
    this.store.watch(
      {
        onValue: note('onValue'),
        onTag: note('onTag'),
        onPattern: note('onPattern'),
        onAbandoned: note('onAbandoned'),
        onGap: note('onGap'),
      },
      Infinity,
    );
  }

  #flush(): void {
    if (this.#waiting.length === 0) return;
    const changes = this.#waiting;
    this.#waiting = [];
    // A worker that does not hear is stuck or gone: it proves nothing either, and is replaced.
    this.#tell(changes).catch(() => {});
  }
}

class RemoteKvStore implements KvStore {
  readonly name = 'primary';
  readonly #line: StoreLine;
  readonly #clock: Clock;
  #watch: RemoteWatch | undefined;

  constructor(line: StoreLine, clock: Clock) {
    this.#line = line;
    this.#clock = clock;
  }

  get(key: string): Promise<StoredValue | undefined> {
    return this.#call('get', key);
  }

  getMany(keys: readonly string[]): Promise<(StoredValue | undefined)[]> {
    return this.#call('getMany', keys);
  }

  put(writes: readonly StoreWrite[], options?: { readonly ifNewer?: boolean }): Promise<void> {
    return this.#call('put', writes, options);
  }

  remove(keys: readonly string[], options?: { readonly beforeMs?: number }): Promise<number> {
    return this.#call('remove', keys, options);
  }

  expire(key: string, nowMs: number): Promise<boolean> {
    return this.#call('expire', key, nowMs);
  }

  removeMatching(pattern: string): Promise<number> {
    return this.#call('removeMatching', pattern);
  }

  acquire(key: string, token: string, leaseMs: number, seenMs: number): Promise<Acquisition> {
    return this.#call('acquire', key, token, leaseMs, seenMs);
  }

  renew(key: string, token: string, leaseMs: number): Promise<boolean> {
    return this.#call('renew', key, token, leaseMs);
  }

  commit(token: string, write: StoreWrite): Promise<boolean> {
    return this.#call('commit', token, write);
  }

  abandon(key: string, token: string, failure?: FillFailure, keepMs?: number): Promise<void> {
    return this.#call('abandon', key, token, failure, keepMs);
  }

  versions(tags: readonly string[]): Promise<TagVersion[]> {
    return this.#call('versions', tags);
  }

  bump(tags: readonly string[], soft: boolean): Promise<TagVersion[]> {
    return this.#call('bump', tags, soft);
  }

  ping(): Promise<void> {
    return this.#call('ping');
  }

  watch(listener: StoreListener, maxStalenessMs: number): StoreWatch {
    this.#line.answer(CHANGES, (changes) => {
      for (const [method, about] of changes as readonly Change[]) listener[method](about!);
    });
    const prove = (method: 'watch' | 'ping'): Promise<void> => this.#call(method);
    this.#watch = new RemoteWatch(this.#clock, prove, Math.max(50, maxStalenessMs / 4));
    return this.#watch;
  }

  async close(): Promise<void> {
    await this.#watch?.close();
  }

  async #call<Result>(method: Call['method'], ...args: readonly unknown[]): Promise<Result> {
    try {
      return (await this.#line.ask(CALL, { method, args } satisfies Call, ANSWER_MS)) as Result;
    } catch (cause) {
      throw new SpillwayError('SPILLWAY_STORE_UNAVAILABLE', `The primary's store did not answer: ${messageOf(cause)}`, { cause });
    }
  }
}

/** The line keeps order: once a question is answered, every change from before it was asked has been told. */
class RemoteWatch implements StoreWatch {
  provenMs = -Infinity;
  readonly #clock: Clock;
  readonly #timer: Timer;

  constructor(clock: Clock, prove: (method: 'watch' | 'ping') => Promise<void>, everyMs: number) {
    this.#clock = clock;
    void this.#prove(() => prove('watch'));
    this.#timer = clock.setRepeating(() => void this.#prove(() => prove('ping')), everyMs);
  }

  async close(): Promise<void> {
    this.#timer.cancel();
  }

  async #prove(ask: () => Promise<void>): Promise<void> {
    const askedMs = this.#clock.monotonic();
    try {
      await ask();
      this.provenMs = askedMs;
    } catch {
      // Not proven; the next question may be.
    }
  }
}
