import { SpillwayError, type Clock, type Random, type Timer } from '../kernel/index.ts';
import type { KvStore, StoreListener, StoreWatch, StoreWrite, TagVersion } from '../ports/index.ts';

export interface UnreliableStoreOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Longest way to the store, or back, ms. */
  readonly latencyMs: number;
  /** A call whose answer takes longer rejects; it may have happened all the same. */
  readonly timeoutMs: number;
  /** Longest time without a connection after a cut, ms. */
  readonly outageMs: number;
  /** Whether the process is told of its own changes too, as Redis 7.0 does with those of scripts. Default false. */
  readonly echoes?: boolean;
}

/** The longest a change waits to be told; answers do not wait. Redis sends its messages at the end of a turn. */
const TURN_MS = 1;

type Method =
  | 'get'
  | 'getMany'
  | 'put'
  | 'remove'
  | 'expire'
  | 'removeMatching'
  | 'acquire'
  | 'renew'
  | 'commit'
  | 'abandon'
  | 'versions'
  | 'bump'
  | 'ping';
const METHODS: readonly Method[] = [
  'get',
  'getMany',
  'put',
  'remove',
  'expire',
  'removeMatching',
  'acquire',
  'renew',
  'commit',
  'abandon',
  'versions',
  'bump',
  'ping',
];

/** What a process that is told of its own changes hears of one. */
const ECHOES: Partial<Record<Method, (listener: StoreListener, args: readonly unknown[], result: unknown) => void>> = {
  put: (listener, [writes]) => {
    for (const { key } of writes as readonly StoreWrite[]) listener.onValue(key);
  },
  remove: (listener, [keys]) => {
    for (const key of keys as readonly string[]) listener.onValue(key);
  },
  expire: (listener, [key]) => listener.onValue(key as string),
  commit: (listener, [, write], stored) => {
    if (stored) listener.onValue((write as StoreWrite).key);
  },
  abandon: (listener, [key]) => listener.onAbandoned(key as string),
  removeMatching: (listener, [pattern]) => listener.onPattern(pattern as string),
  bump: (listener, [tags]) => {
    for (const tag of tags as readonly string[]) listener.onTag(tag);
  },
  versions: (listener, [tags], versions) => {
    for (const [at, tag] of (tags as readonly string[]).entries())
      if ((versions as readonly TagVersion[])[at]!.isNew) listener.onTag(tag);
  },
};

/**
 * One process's connection to a store, over a network that can be slow, be cut, and freeze. What comes back over it,
 * answers and messages alike, keeps its order, as TCP does, but a message may set out after the answers of its turn. A cut
 * loses what is on its way, and the listener is told so at the cut and again at the reconnect.
 */
export class UnreliableStore {
  /** The port, as the process under test sees it. */
  readonly store: KvStore;
  readonly #with: UnreliableStoreOptions;
  readonly #inner: KvStore;
  #latencyMs: number;
  readonly #listeners = new Set<StoreListener>();
  /** Grows with every cut: what was under way before it is lost. */
  #connection = 0;
  #connected = true;
  /** When the latest delivery towards the process is due; nothing overtakes it. */
  #backMs = 0;
  #thereMs = 0;
  /** On its way to the process, in order. */
  readonly #inbox: { readonly connection: number; readonly dueMs: number; readonly arrive: () => void }[] = [];
  /** While in the future, nothing is answered. */
  #frozenUntilMs = 0;

  constructor(inner: KvStore, options: UnreliableStoreOptions) {
    this.#inner = inner;
    this.#with = options;
    this.#latencyMs = options.latencyMs;
    const calls = Object.fromEntries(
      METHODS.map((name) => [name, (...args: unknown[]) => this.#call(() => this.#run(name, args))]),
    ) as unknown as Pick<KvStore, Method>;
    this.store = {
      ...calls,
      name: `unreliable ${inner.name}`,
      watch: (listener, maxStalenessMs) => this.#watch(listener, maxStalenessMs),
      close: () => inner.close(),
    };
  }

  /** Loses the connection, with all that is on its way; it comes back by itself. */
  cut(): void {
    if (!this.#connected) return;
    for (const listener of this.#listeners) listener.onGap();
    this.#connection++;
    this.#connected = false;
    this.#with.clock.setTimer(() => {
      this.#connected = true;
      this.#connection++;
      for (const listener of this.#listeners) listener.onGap();
    }, this.#with.random.next() * this.#with.outageMs);
  }

  /** The store answers nobody for `ms`; then everything that waited happens. */
  freeze(ms: number): void {
    this.#frozenUntilMs = this.#with.clock.monotonic() + ms;
  }

  /** From now on the network is quick. */
  calm(): void {
    this.#latencyMs = 0;
  }

  async #run(name: Method, args: readonly unknown[]): Promise<unknown> {
    const method = this.#inner[name] as (...given: unknown[]) => Promise<unknown>;
    const result = await method.apply(this.#inner, [...args]);
    if (this.#with.echoes) for (const listener of this.#listeners) this.#tell(() => ECHOES[name]?.(listener, args, result));
    return result;
  }

  /** A message, at the end of the turn. */
  #tell(arrive: () => void): void {
    if (!this.#connected) return;
    const connection = this.#connection;
    this.#with.clock.setTimer(() => {
      if (connection === this.#connection) this.#back(connection, arrive);
    }, this.#with.random.next() * TURN_MS);
  }

  #call<Result>(work: () => Promise<Result>): Promise<Result> {
    const { clock, timeoutMs } = this.#with;
    return new Promise((resolve, reject) => {
      const fail = (why: string): void => reject(new SpillwayError('SPILLWAY_STORE_UNAVAILABLE', why));
      if (!this.#connected) return fail('no connection');
      const connection = this.#connection;
      const timer = clock.setTimer(() => fail('no answer in time'), timeoutMs);
      const answer = (give: () => void): void => {
        this.#back(connection, () => {
          timer.cancel();
          give();
        });
      };
      this.#there(connection, () => {
        work().then(
          (result) => answer(() => resolve(result)),
          (error: Error) => answer(() => reject(error)),
        );
      });
    });
  }

  #watch(listener: StoreListener, maxStalenessMs: number): StoreWatch {
    const { clock } = this.#with;
    this.#listeners.add(listener);
    const pass = (tell: (to: StoreListener) => void): void => this.#tell(() => tell(listener));
    const inner = this.#inner.watch(
      {
        onValue: (key) => pass((to) => to.onValue(key)),
        onTag: (tag) => pass((to) => to.onTag(tag)),
        onPattern: (pattern) => pass((to) => to.onPattern(pattern)),
        onAbandoned: (key) => pass((to) => to.onAbandoned(key)),
        onGap: () => pass((to) => to.onGap()),
      },
      maxStalenessMs,
    );
    const proof = { ms: -Infinity, answeredMs: -Infinity, connection: this.#connection };
    // An answer comes after every message of the turns before: what changed before the round before has been told.
    const prove = (): void => {
      const startedMs = clock.monotonic();
      const connection = this.#connection;
      this.#call(() => this.#inner.ping()).then(
        () => {
          if (connection !== this.#connection) return;
          const ms = proof.connection === connection ? proof.answeredMs : -Infinity;
          Object.assign(proof, { ms, answeredMs: startedMs, connection });
        },
        () => {},
      );
    };
    prove();
    const timer: Timer = clock.setRepeating(prove, maxStalenessMs / 4);
    const current = (): number => (proof.connection === this.#connection ? proof.ms : -Infinity);
    return {
      get provenMs() {
        return current();
      },
      close: async () => {
        timer.cancel();
        this.#listeners.delete(listener);
        await inner.close();
      },
    };
  }

  #there(connection: number, arrive: () => void): void {
    const { clock } = this.#with;
    this.#thereMs = Math.max(this.#thereMs, clock.monotonic() + this.#latency(), this.#frozenUntilMs);
    clock.setTimer(() => {
      if (connection === this.#connection) arrive();
    }, this.#thereMs - clock.monotonic());
  }

  /** What is due at the same time is delivered in one go, before any promise settles, as one chunk of a socket is. */
  #back(connection: number, arrive: () => void): void {
    const { clock } = this.#with;
    this.#backMs = Math.max(this.#backMs, clock.monotonic() + this.#latency(), this.#frozenUntilMs);
    this.#inbox.push({ connection, dueMs: this.#backMs, arrive });
    clock.setTimer(() => this.#deliver(), this.#backMs - clock.monotonic());
  }

  #deliver(): void {
    // Adding and subtracting times may have lost the last digit.
    const nowMs = this.#with.clock.monotonic() + 0.001;
    while (this.#inbox.length > 0 && this.#inbox[0]!.dueMs <= nowMs) {
      const { connection, arrive } = this.#inbox.shift()!;
      if (connection === this.#connection) arrive();
    }
  }

  #latency(): number {
    return this.#with.random.next() * this.#latencyMs;
  }
}
