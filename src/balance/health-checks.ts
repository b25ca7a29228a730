import { jitter, messageOf, type Clock, type Random, type Timer } from '../kernel/index.ts';
import type { Endpoint } from './endpoint.ts';
import type { BalancerSettings } from './options.ts';

type Settings = NonNullable<BalancerSettings['health']>;

/** Asks an endpoint how it is; resolves to what is wrong, or undefined when nothing is. */
export type Probe = (endpoint: Endpoint, settings: Settings, signal: AbortSignal) => Promise<string | undefined>;

/** Who hears of changes. */
export interface HealthListener {
  onUp(endpoint: Endpoint): void;
  onDown(endpoint: Endpoint, reason: string): void;
}

/**
 * Active checks: every endpoint is asked in its own rhythm, spread by ± 20 % so that a fleet of gateways does not ask in
 * step. Several answers of one kind in a row are needed to change a verdict.
 */
export class HealthChecks {
  readonly #settings: Settings;
  readonly #probe: Probe;
  readonly #listener: HealthListener;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #watched = new Map<Endpoint, Watch>();

  constructor(settings: Settings, probe: Probe, listener: HealthListener, clock: Clock, random: Random) {
    this.#settings = settings;
    this.#probe = probe;
    this.#listener = listener;
    this.#clock = clock;
    this.#random = random;
  }

  watch(endpoint: Endpoint): void {
    const watch: Watch = { streak: 0, timer: undefined, running: undefined };
    this.#watched.set(endpoint, watch);
    // The first check comes early, so that a dead endpoint is known before much is sent to it.
    this.#schedule(endpoint, watch, this.#random.next() * Math.min(200, this.#settings.intervalMs));
  }

  unwatch(endpoint: Endpoint): void {
    const watch = this.#watched.get(endpoint);
    this.#watched.delete(endpoint);
    watch?.timer?.cancel();
    watch?.running?.abort();
  }

  close(): void {
    for (const endpoint of this.#watched.keys()) this.unwatch(endpoint);
  }

  #schedule(endpoint: Endpoint, watch: Watch, inMs: number): void {
    watch.timer = this.#clock.setTimer(() => void this.#check(endpoint, watch), inMs);
  }

  async #check(endpoint: Endpoint, watch: Watch): Promise<void> {
    const trouble = await this.#ask(endpoint, watch);
    if (this.#watched.get(endpoint) !== watch) return;
    const wrong = trouble !== undefined;
    // Positive: good answers in a row; negative: bad ones.
    watch.streak = wrong ? Math.min(0, watch.streak) - 1 : Math.max(0, watch.streak) + 1;
    if (endpoint.down && watch.streak >= this.#settings.up) this.#listener.onUp(endpoint);
    else if (!endpoint.down && -watch.streak >= this.#settings.down) this.#listener.onDown(endpoint, trouble!);
    this.#schedule(endpoint, watch, jitter(this.#random, this.#settings.intervalMs, 0.2));
  }

  async #ask(endpoint: Endpoint, watch: Watch): Promise<string | undefined> {
    const running = (watch.running = new AbortController());
    const { timeoutMs } = this.#settings;
    const late = this.#clock.setTimer(() => running.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    try {
      return await this.#probe(endpoint, this.#settings, running.signal);
    } catch (error) {
      return messageOf(error);
    } finally {
      late.cancel();
    }
  }
}

interface Watch {
  streak: number;
  timer: Timer | undefined;
  running: AbortController | undefined;
}
