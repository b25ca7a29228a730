import { PRIORITIES } from '../policy/index.ts';
import type { Thresholds } from './options.ts';

interface Reported {
  readonly value: number;
  readonly untilMs: number;
}

/** A signal that refuses work of some priorities now. */
export interface Alarm {
  readonly signal: string;
  readonly value: number;
  readonly threshold: number;
}

/**
 * Values that others report: health, memory, pool waits, queue ages. Which priorities they refuse is worked out when a
 * value arrives or runs out, so that asking costs a comparison.
 */
export class Signals {
  readonly #thresholds: Readonly<Record<string, Thresholds>>;
  readonly #ttlMs: number;
  readonly #reported = new Map<string, Reported>();
  /** Per priority index, what refuses it. */
  #alarms: (Alarm | undefined)[] = PRIORITIES.map(() => undefined);
  #validUntilMs = Infinity;

  constructor(thresholds: Readonly<Record<string, Thresholds>>, ttlMs: number) {
    this.#thresholds = thresholds;
    this.#ttlMs = ttlMs;
  }

  /** Whether the signal is one that thresholds are known for. */
  knows(signal: string): boolean {
    return signal in this.#thresholds;
  }

  get names(): string[] {
    return Object.keys(this.#thresholds);
  }

  report(signal: string, value: number, nowMs: number, holdMs = this.#ttlMs): void {
    this.#reported.set(signal, { value, untilMs: nowMs + holdMs });
    this.#reckon(nowMs);
  }

  /** What refuses work of the priority with this index now, if anything does. */
  alarmFor(priorityIndex: number, nowMs: number): Alarm | undefined {
    if (nowMs >= this.#validUntilMs) this.#reckon(nowMs);
    return this.#alarms[priorityIndex];
  }

  #reckon(nowMs: number): void {
    this.#alarms = PRIORITIES.map(() => undefined);
    this.#validUntilMs = Infinity;
    for (const [signal, { value, untilMs }] of this.#reported) {
      if (untilMs <= nowMs) {
        this.#reported.delete(signal);
        continue;
      }
      this.#validUntilMs = Math.min(this.#validUntilMs, untilMs);
      PRIORITIES.forEach((priority, index) => {
        const threshold = this.#thresholds[signal]![priority];
        if (threshold !== undefined && value >= threshold) this.#alarms[index] ??= { signal, value, threshold };
      });
    }
  }
}
