import { runtimeFrom, type Clock, type Runtime } from '../kernel/index.ts';
import type { Status, Verdict } from './status.ts';

/** The verdict as the rooms that adapt to it hear of it. */
export interface VerdictReport {
  readonly verdict: Verdict;
  /** 0 healthy or unknown, 1 degraded, 2 critical: what the shedder's signal `health` takes. */
  readonly level: 0 | 1 | 2;
  readonly sinceMs: number;
  /** The worst cause, a sentence with its number; absent when healthy. */
  readonly cause?: string;
}

/** A verdict that stays is told again this often. Who hears nothing for 10 s no longer goes by it. */
const REPEAT_MS = 3000;
const LAPSE_MS = 10_000;

/** Not to know is no reason to refuse anybody. */
const LEVELS: Readonly<Record<Verdict, VerdictReport['level']>> = { unknown: 0, healthy: 0, degraded: 1, critical: 2 };

/** Says when the verdict is to be told: at once when it or its worst cause is another, and every 3 seconds. */
export class VerdictTeller {
  #told = '';
  #toldMs = -Infinity;

  /** What is to be told now, if anything. */
  next({ verdict, sinceMs, causes }: Status, nowMs: number): VerdictReport | undefined {
    const worst = causes[0];
    const key = `${verdict} ${worst?.id ?? ''}`;
    if (key === this.#told && nowMs - this.#toldMs < REPEAT_MS) return undefined;
    this.#told = key;
    this.#toldMs = nowMs;
    return { verdict, level: LEVELS[verdict], sinceMs, ...(worst && { cause: worst.text }) };
  }
}

/** The verdict in a worker, as its primary tells of it. It lapses to healthy when nothing is heard for 10 seconds. */
export class HeardVerdict {
  readonly #clock: Clock;
  #level: VerdictReport['level'] = 0;
  #heardMs = -Infinity;

  constructor(runtime: Partial<Runtime> = {}) {
    this.#clock = runtimeFrom(runtime).clock;
  }

  hear({ level }: VerdictReport): void {
    this.#level = level;
    this.#heardMs = this.#clock.monotonic();
  }

  /** 0 healthy, 1 degraded, 2 critical. */
  get level(): VerdictReport['level'] {
    return this.#clock.monotonic() - this.#heardMs < LAPSE_MS ? this.#level : 0;
  }
}
