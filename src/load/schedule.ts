import { seededRandom, type Random } from '../kernel/index.ts';
import type { OpenArrival, Phase, ReplayArrival } from './arrival.ts';

/**
 * Walks the arrivals of an open model in order. Arrival k is due at Λ⁻¹(k), where Λ is the integral of the rate: never
 * "the last one + a period", so nothing drifts. It holds a few numbers, however long the run.
 */
export interface Cursor {
  /** Position of the arrival in the whole schedule, from 0. */
  readonly index: number;
  /** When it is due, ms from the start; Infinity after the last. */
  readonly dueMs: number;
  advance(): void;
}

/** A share of the schedule: `worker` takes the arrivals whose index leaves `worker` when divided by `workers`. */
export interface Turn {
  readonly worker: number;
  readonly workers: number;
}

/** The arrivals of `arrival` that belong to `turn`; by default all of them. */
export function cursorOf(arrival: OpenArrival | ReplayArrival, turn: Turn = { worker: 0, workers: 1 }): Cursor {
  const whole = arrival.model === 'replay' ? new RecordedCursor(arrival.offsetsMs) : new PhaseCursor(arrival.phases);
  return turn.workers === 1 ? whole : new SharedCursor(whole, turn);
}

/** How many arrivals are to be expected: exact for evenly spaced ones, the mean for Poisson. */
export function expectedArrivals(arrival: OpenArrival | ReplayArrival): number {
  if (arrival.model === 'replay') return arrival.offsetsMs.length;
  return Math.ceil(arrival.phases.reduce((sum, phase) => sum + massAt(phase, phase.durationMs), 0) - ROUNDING);
}

/** Λ: how many arrivals the phase's first `tMs` bring. */
export function massAt({ shape, durationMs }: Phase, tMs: number): number {
  const t = tMs / 1000;
  switch (shape.law) {
    case 'constant':
      return shape.perSecond * t;
    case 'ramp':
      return shape.fromPerSecond * t + ((shape.toPerSecond - shape.fromPerSecond) / (durationMs / 1000)) * 0.5 * t * t;
    case 'sine': {
      const omega = (2 * Math.PI) / (shape.periodMs / 1000);
      return shape.meanPerSecond * t + (shape.amplitudePerSecond / omega) * (1 - Math.cos(omega * t));
    }
  }
}

/** Λ⁻¹: when the phase has brought `mass` arrivals, ms from its start. */
export function timeAt(phase: Phase, mass: number): number {
  const { shape, durationMs } = phase;
  switch (shape.law) {
    case 'constant':
      return (mass / shape.perSecond) * 1000;
    case 'ramp': {
      // 2k / (b + √(b² + 2ak)): the root of bt + at²/2 = k in the form that loses no digits for small a.
      const growth = (shape.toPerSecond - shape.fromPerSecond) / (durationMs / 1000);
      const root = Math.sqrt(Math.max(0, shape.fromPerSecond ** 2 + 2 * growth * mass));
      return mass === 0 ? 0 : ((2 * mass) / (shape.fromPerSecond + root)) * 1000;
    }
    case 'sine':
      return invertRising(phase, mass, (shape.meanPerSecond === 0 ? 0 : mass / shape.meanPerSecond) * 1000);
  }
}

/** Newton's method on a rising Λ, kept inside a bracket that halves whenever a step would leave it. */
function invertRising(phase: Phase, mass: number, guessMs: number): number {
  let low = 0;
  let high = phase.durationMs;
  let t = Math.min(high, Math.max(low, guessMs));
  for (let round = 0; round < 60 && high - low > 1e-7; round++) {
    const miss = massAt(phase, t) - mass;
    if (Math.abs(miss) < 1e-10) break;
    if (miss > 0) high = t;
    else low = t;
    const slopePerMs = ratePerSecondAt(phase, t) / 1000;
    const next = slopePerMs > 0 ? t - miss / slopePerMs : Number.NaN;
    t = next > low && next < high ? next : (low + high) / 2;
  }
  return t;
}

/** λ(t): the rate at `tMs` into the phase, per second. */
export function ratePerSecondAt({ shape, durationMs }: Phase, tMs: number): number {
  switch (shape.law) {
    case 'constant':
      return shape.perSecond;
    case 'ramp':
      return shape.fromPerSecond + (shape.toPerSecond - shape.fromPerSecond) * (tMs / durationMs);
    case 'sine':
      return shape.meanPerSecond + shape.amplitudePerSecond * Math.sin((2 * Math.PI * tMs) / shape.periodMs);
  }
}

/** What a sum of rates times durations may be off by: an arrival this close to a phase's end belongs to the next one. */
const ROUNDING = 1e-6;

/**
 * Phases one after the other. The mass of arrivals left over at the end of an even phase carries into the next, so a
 * staircase of fractional rates loses nothing. A Poisson phase is a unit-rate process seen through Λ⁻¹, which makes it
 * exact for every shape.
 */
class PhaseCursor implements Cursor {
  index = 0;
  dueMs = 0;
  readonly #phases: readonly Phase[];
  #at = -1;
  #phaseStartMs = 0;
  #phaseMass = 0;
  /** Mass of the phase at its first arrival, and how many came since: sums of ones stay exact. */
  #firstMass = 0;
  #arrived = 0;
  #random: Random | undefined;
  #randomMass = 0;

  constructor(phases: readonly Phase[]) {
    this.#phases = phases;
    this.#enter(0);
    this.#settle();
  }

  advance(): void {
    this.index++;
    this.#arrived++;
    if (this.#random) this.#randomMass += gap(this.#random);
    this.#settle();
  }

  #settle(): void {
    while (this.#at < this.#phases.length) {
      const mass = this.#random ? this.#randomMass : this.#firstMass + this.#arrived;
      if (mass < this.#phaseMass - (this.#random ? 0 : ROUNDING)) {
        this.dueMs = this.#phaseStartMs + timeAt(this.#phases[this.#at]!, mass);
        return;
      }
      this.#enter(this.#random ? 0 : Math.max(0, mass - this.#phaseMass));
    }
    this.dueMs = Number.POSITIVE_INFINITY;
  }

  #enter(carriedMass: number): void {
    if (this.#at >= 0) this.#phaseStartMs += this.#phases[this.#at]!.durationMs;
    const phase = this.#phases[++this.#at];
    if (!phase) return;
    this.#phaseMass = massAt(phase, phase.durationMs);
    this.#firstMass = carriedMass;
    this.#arrived = 0;
    this.#random = phase.poissonSeed === undefined ? undefined : seededRandom(phase.poissonSeed);
    this.#randomMass = this.#random ? gap(this.#random) : 0;
  }
}

/** An exponential gap of mean 1. */
function gap(random: Random): number {
  return -Math.log(1 - random.next());
}

class RecordedCursor implements Cursor {
  index = 0;
  readonly #offsetsMs: Float64Array;

  constructor(offsetsMs: Float64Array) {
    this.#offsetsMs = offsetsMs;
  }

  get dueMs(): number {
    return this.index < this.#offsetsMs.length ? this.#offsetsMs[this.index]! : Number.POSITIVE_INFINITY;
  }

  advance(): void {
    this.index++;
  }
}

/** One worker's arrivals: every worker walks the whole schedule, so together they send it exactly, without a word. */
class SharedCursor implements Cursor {
  readonly #whole: Cursor;
  readonly #workers: number;

  constructor(whole: Cursor, turn: Turn) {
    this.#whole = whole;
    this.#workers = turn.workers;
    for (let skipped = 0; skipped < turn.worker; skipped++) whole.advance();
  }

  get index(): number {
    return this.#whole.index;
  }

  get dueMs(): number {
    return this.#whole.dueMs;
  }

  advance(): void {
    for (let step = 0; step < this.#workers; step++) this.#whole.advance();
  }
}
