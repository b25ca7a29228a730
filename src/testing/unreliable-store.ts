import { SpillwayError, type Clock, type Random, type Timer } from '../kernel/index.ts';
import type { KvStore, StoreListener, StoreWatch } from '../ports/index.ts';

export interface UnreliableStoreOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Longest way to the store, or back, ms. */
  readonly latencyMs: number;
  /** A call whose answer takes longer rejects; it may have happened all the same. */
  readonly timeoutMs: number;
  /** Longest time without a connection after a cut, ms. */
  readonly outageMs: number;
}

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

/**
 * One process's connection to a store, over a network that can be slow, be cut, and freeze. What comes back over it,
 * answers and messages alike, keeps its order, as TCP does; a cut loses what is on its way, and the listener is told so
 * at the cut and again at the reconnect.
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
      METHODS.map((name) => [
        name,
        (...args: unknown[]) => this.#call(() => (inner[name] as (...given: unknown[]) => Promise<unknown>)(...args)),
      ]),
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
    this.#connection++;
    this.#connected = false;
    for (const listener of this.#listeners) listener.onGap();
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
    const pass = (tell: (to: StoreListener) => void): void => {
      if (this.#connected) this.#back(this.#connection, () => tell(listener));
    };
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
    const proof = { ms: -Infinity, connection: this.#connection };
    // An answer comes after every message that was sent before it.
    const prove = (): void => {
      const startedMs = clock.monotonic();
      const connection = this.#connection;
      this.#call(() => this.#inner.ping()).then(
        () => {
          if (connection === this.#connection) Object.assign(proof, { ms: startedMs, connection });
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
