import { z } from 'zod';
import {
  count,
  duration,
  Events,
  parseOptions,
  runtimeFrom,
  type Clock,
  type Gauge,
  type Random,
  type Runtime,
  type Timer,
} from '../kernel/index.ts';
import type { CounterStore, PermitAnswer } from '../ports/index.ts';
import { StoreGuard } from './store-guard.ts';
import { bounded, keyOf, type LimitBy, type Subject } from './subject.ts';

export const concurrencyOptions = z.strictObject({
  limit: count(1, 1_000_000).describe('How many may run at once for one key.'),
  by: z
    .union([
      z.enum(['ip', 'user', 'apiKey', 'everyone']),
      z.custom<LimitBy>((value) => typeof value === 'function', 'a function'),
    ])
    .default('ip')
    .describe('What is counted by: address, user, API key, all together, or a function of the subject.'),
  ipv6Prefix: count(32, 128).default(56).describe('How many leading bits of an IPv6 address count as one client.'),
  maxKeys: count(1).default(100_000).describe('Keys with permits out at once; others are refused.'),
  store: z
    .custom<CounterStore>(
      (value) => typeof (value as CounterStore | undefined)?.acquirePermit === 'function',
      'a store of counts',
    )
    .optional()
    .describe('Permits shared by all processes; by default each process counts its own.'),
  scope: z.string().max(128).default('permits').describe('Limiters with the same scope share their permits in the store.'),
  lease: duration({ min: '1s' }).prefault('30s').describe('Store only: a permit whose process is gone returns after this long.'),
  storeDeadline: duration({ min: '1ms', max: '10s' }).prefault('25ms').describe('Store only: how long a decision waits for it.'),
  instances: count(1)
    .optional()
    .describe('How many processes share the permits; by default as many as the store has seen lately.'),
});

export type ConcurrencyOptions = z.input<typeof concurrencyOptions>;

export interface ConcurrencyEvents {
  /** A permit ran out while its work went on, because the store could not be told in time. */
  permitLost: { readonly key: string };
}

/** The right to run, until it is released; or a refusal. */
export interface Permit {
  readonly granted: boolean;
  readonly limit: number;
  /** Permits out for the key, this one included. */
  readonly held: number;
  /** A guess when refused: when the first lease ends at the latest; 0 when granted or unknown. */
  readonly retryAfterMs: number;
  /** Gives the permit back. Calling it again does nothing. */
  release(): void;
}

/**
 * Limits how many requests of one key run at once. With a store, permits are leased and renewed while they are held, so
 * those of a process that died come back by themselves.
 * @throws ConfigError when options are wrong.
 */
export function createConcurrencyLimiter(options: ConcurrencyOptions, runtime: Partial<Runtime> = {}): ConcurrencyLimiter {
  return new ConcurrencyLimiter(
    parseOptions(concurrencyOptions, options, 'createConcurrencyLimiter(options)'),
    runtimeFrom(runtime),
  );
}

interface Held {
  readonly key: string;
  readonly holder: string;
}

export class ConcurrencyLimiter {
  readonly events = new Events<ConcurrencyEvents>();
  readonly #options: z.output<typeof concurrencyOptions>;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #guard: StoreGuard | undefined;
  readonly #running: Gauge;
  /** Permits of this process, per key. */
  readonly #own = new Map<string, number>();
  /** Permits that are leased from the store. */
  readonly #leased = new Set<Held>();
  #renewal: Timer | undefined;
  #serial = 0;

  constructor(options: z.output<typeof concurrencyOptions>, runtime: Runtime) {
    this.#options = options;
    this.#clock = runtime.clock;
    this.#random = runtime.random;
    const { store } = options;
    this.#guard =
      store &&
      new StoreGuard(
        () => store.ping(),
        async () => {},
        options.storeDeadline,
        runtime,
      );
    this.#running = runtime.metrics.gauge({ name: 'spillway_limit_permits', help: 'Permits held by this process.' }).series();
  }

  /** A permit for the subject, or a refusal; never waits longer than the store's deadline. */
  async acquire(subject: Subject | string): Promise<Permit> {
    const key = typeof subject === 'string' ? bounded(subject) : keyOf(subject, this.#options.by, this.#options.ipv6Prefix);
    if (key === undefined) return this.#permit(0, 0, () => {});
    const { store, instances, limit } = this.#options;
    if (!store || !this.#guard) return this.#acquireHere(key, limit);
    const here = Math.max(1, Math.floor(limit / (instances ?? store.instances)));
    return this.#guard.isDown ? this.#acquireHere(key, here) : this.#acquireShared(store, this.#guard, key, here);
  }

  close(): void {
    this.#guard?.close();
    this.#renewal?.cancel();
  }

  #acquireHere(key: string, limit: number): Permit {
    const held = this.#own.get(key) ?? 0;
    if (held >= limit || (held === 0 && this.#own.size >= this.#options.maxKeys)) return this.#refusal(held, 0);
    this.#own.set(key, held + 1);
    return this.#permit(held + 1, 0, () => this.#leave(key));
  }

  async #acquireShared(store: CounterStore, guard: StoreGuard, key: string, here: number): Promise<Permit> {
    const { scope, limit, lease } = this.#options;
    const held: Held = { key: `${scope}:${key}`, holder: `${this.#serial++}.${this.#random.next().toString(36).slice(2)}` };
    const giveBack = (): void => void store.releasePermit(held.key, held.holder).catch(() => {});
    const answer = await guard.call<PermitAnswer>(() => store.acquirePermit(held.key, held.holder, limit, lease), {
      answered: giveBack,
      failed: () => {},
    });
    if (!answer) return this.#acquireHere(key, here);
    if (!answer.granted) return this.#refusal(answer.held, answer.retryAfterMs);
    this.#own.set(key, (this.#own.get(key) ?? 0) + 1);
    this.#leased.add(held);
    this.#renewal ??= this.#clock.setRepeating(() => this.#renewAll(store), lease / 3);
    return this.#permit(answer.held, 0, () => {
      this.#leave(key);
      if (!this.#leased.delete(held)) return;
      giveBack();
      if (this.#leased.size > 0) return;
      this.#renewal?.cancel();
      this.#renewal = undefined;
    });
  }

  #renewAll(store: CounterStore): void {
    for (const held of this.#leased) {
      store.renewPermit(held.key, held.holder, this.#options.lease).then(
        (alive) => {
          if (!alive && this.#leased.delete(held)) this.events.emit('permitLost', { key: held.key });
        },
        // The lease lasts three renewals; the next one may succeed.
        () => {},
      );
    }
  }

  #leave(key: string): void {
    const held = this.#own.get(key) ?? 0;
    if (held <= 1) this.#own.delete(key);
    else this.#own.set(key, held - 1);
  }

  #permit(held: number, retryAfterMs: number, onRelease: () => void): Permit {
    let released = false;
    this.#running.add(1);
    return {
      granted: true,
      limit: this.#options.limit,
      held,
      retryAfterMs,
      release: () => {
        if (released) return;
        released = true;
        this.#running.add(-1);
        onRelease();
      },
    };
  }

  #refusal(held: number, retryAfterMs: number): Permit {
    return { granted: false, limit: this.#options.limit, held, retryAfterMs, release: () => {} };
  }
}
