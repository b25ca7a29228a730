import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom, SimulatedClock, type Timer } from '../kernel/index.ts';
import { createShedder } from './shed.ts';

const SERVICE_MS = 3;
const REFUSAL_MS = 0.04;
const OBJECTIVE_MS = 250;
const CONNECTIONS = 400;
const MAX_CONNECTIONS = 1500;

/** Time passes as the loop says, and timers fire when the loop comes to them: late, where a turn has taken long. */
class LoopClock extends SimulatedClock {
  nowMs = 1000;
  readonly #repeating = new Set<{ fn: () => void; periodMs: number; dueMs: number }>();

  override monotonic(): number {
    return this.nowMs;
  }

  override setRepeating(fn: () => void, periodMs: number): Timer {
    const timer = { fn, periodMs, dueMs: this.nowMs + periodMs };
    this.#repeating.add(timer);
    return { cancel: () => this.#repeating.delete(timer) };
  }

  get nextTimerMs(): number {
    return Math.min(...Array.from(this.#repeating, ({ dueMs }) => dueMs));
  }

  fireTimers(): void {
    for (const timer of this.#repeating) {
      if (timer.dueMs > this.nowMs) continue;
      timer.fn();
      timer.dueMs = this.nowMs + timer.periodMs;
    }
  }
}

interface Phase {
  /** Load as a multiple of what the process can do. */
  readonly factor: number;
  readonly durationMs: number;
  readonly criticalShare: number;
}

interface Job {
  readonly dueMs: number;
  readonly critical: boolean;
  readonly phase: number;
  admitted: boolean;
  tookMs: number;
}

interface PhaseFigures {
  readonly idle: number;
  /** Answers within the objective as a share of what the process can do without refusing anything. */
  readonly good: number;
  readonly criticalGood: number;
  readonly shed: number;
  /** When after the phase's begin the last request came that was answered late, ms. */
  readonly lateUntilMs: number;
}

/**
 * A process that works as Node does, under open Poisson load. A turn of its loop reads every request that had come when it
 * began, one after the other, and accepts one new connection; requests that find no free connection open one.
 */
class SimulatedProcess {
  readonly #clock = new LoopClock();
  readonly #random;
  readonly #shedder;
  #idleMs = 0;
  #atTurnEnd: (() => void)[] = [];
  readonly #idleOf: number[];
  readonly #phases: readonly Phase[];
  readonly #jobs: Job[] = [];
  #next = 0;
  #ready: Job[] = [];
  readonly #backlog: Job[] = [];
  #free = CONNECTIONS;
  #connections = CONNECTIONS;

  constructor(phases: readonly Phase[], seed: number) {
    this.#phases = phases;
    this.#random = seededRandom(seed);
    this.#idleOf = phases.map(() => 0);
    const loop = { afterTurn: (fn: () => void) => this.#atTurnEnd.push(fn), idleMs: () => this.#idleMs };
    this.#shedder = createShedder({}, { clock: this.#clock, random: seededRandom(seed + 1) }, loop);
    this.#schedule();
  }

  run(): PhaseFigures[] {
    for (;;) {
      this.#clock.fireTimers();
      this.#arrive();
      if (this.#ready.length + this.#backlog.length > 0) this.#turn();
      else if (this.#next < this.#jobs.length) this.#idle();
      else break;
    }
    return this.#phases.map((phase, i) => this.#figuresOf(phase, i));
  }

  #schedule(): void {
    let beginsMs = this.#clock.nowMs;
    for (const [i, { factor, durationMs, criticalShare }] of this.#phases.entries()) {
      for (let dueMs = beginsMs; ;) {
        dueMs += (-Math.log(1 - this.#random.next()) * SERVICE_MS) / factor;
        if (dueMs >= beginsMs + durationMs) break;
        const critical = this.#random.next() < criticalShare;
        this.#jobs.push({ dueMs, critical, phase: i, admitted: false, tookMs: Infinity });
      }
      beginsMs += durationMs;
    }
  }

  #arrive(): void {
    for (; this.#next < this.#jobs.length && this.#jobs[this.#next]!.dueMs <= this.#clock.nowMs; this.#next++) {
      const job = this.#jobs[this.#next]!;
      if (this.#free > 0) {
        this.#free--;
        this.#ready.push(job);
      } else if (this.#connections < MAX_CONNECTIONS) {
        this.#connections++;
        this.#backlog.push(job);
      }
    }
  }

  #turn(): void {
    const batch = this.#ready;
    this.#ready = [];
    const accepted = this.#backlog.shift();
    for (const job of batch) {
      const name = job.critical ? 'critical' : 'normal';
      job.admitted = this.#shedder.admit({ priority: name, className: name }).admitted;
      this.#clock.nowMs += job.admitted ? SERVICE_MS * (0.7 + 0.6 * this.#random.next()) : REFUSAL_MS;
      job.tookMs = this.#clock.nowMs - job.dueMs;
      this.#arrive();
      this.#free++;
    }
    if (accepted) this.#ready.push(accepted);
    const ended = this.#atTurnEnd;
    this.#atTurnEnd = [];
    for (const fn of ended) fn();
  }

  #idle(): void {
    const { dueMs, phase } = this.#jobs[this.#next]!;
    const waitedMs = Math.min(dueMs, this.#clock.nextTimerMs) - this.#clock.nowMs;
    this.#clock.nowMs += waitedMs;
    this.#idleMs += waitedMs;
    this.#idleOf[phase]! += waitedMs;
  }

  #figuresOf({ durationMs }: Phase, phase: number): PhaseFigures {
    const jobs = this.#jobs.filter((job) => job.phase === phase);
    const isGood = ({ admitted, tookMs }: Job): boolean => admitted && tookMs <= OBJECTIVE_MS;
    const critical = jobs.filter((job) => job.critical);
    const late = jobs.filter((job) => job.admitted && !isGood(job));
    return {
      idle: this.#idleOf[phase]! / durationMs,
      good: jobs.filter(isGood).length / (durationMs / SERVICE_MS),
      criticalGood: critical.filter(isGood).length / critical.length,
      shed: jobs.filter((job) => !job.admitted).length / jobs.length,
      lateUntilMs: late.length === 0 ? 0 : late.at(-1)!.dueMs - jobs[0]!.dueMs,
    };
  }
}

const SEEDS = [1, 2, 3, 4, 5];

function simulate(phases: readonly Phase[], check: (figures: PhaseFigures[]) => void): void {
  for (const seed of SEEDS) {
    const figures = new SimulatedProcess(phases, seed).run();
    try {
      check(figures);
    } catch (error) {
      throw new Error(`seed ${seed}: ${JSON.stringify(figures)}`, { cause: error });
    }
  }
}

for (const { factor, criticalShare, leastGood } of [
  { factor: 3, criticalShare: 0.1, leastGood: 0.95 },
  // Refusing nine in ten takes a tenth of the time.
  { factor: 10, criticalShare: 0.05, leastGood: 0.85 },
]) {
  test(`at ${factor} times its capacity the loop hardly idles, and critical work is done in time`, () => {
    simulate([{ factor, durationMs: 10_000, criticalShare }], ([during]) => {
      assert.ok(during!.idle < 0.03);
      assert.ok(during!.good >= leastGood);
      assert.ok(during!.criticalGood >= 0.95);
    });
  });
}

test('at 0.8 times its capacity nothing is refused', () => {
  simulate([{ factor: 0.8, durationMs: 20_000, criticalShare: 0.1 }], ([during]) => assert.ok(during!.shed < 0.001));
});

test('after a step in load nothing is late for long, and when it is over all is admitted again soon', () => {
  const phases = [
    { factor: 0.5, durationMs: 2000, criticalShare: 0.05 },
    { factor: 5, durationMs: 3000, criticalShare: 0.05 },
    { factor: 0.6, durationMs: 1000, criticalShare: 0.05 },
    { factor: 0.6, durationMs: 5000, criticalShare: 0.05 },
  ];
  simulate(phases, ([before, step, , after]) => {
    assert.equal(before!.shed, 0);
    assert.ok(step!.lateUntilMs <= 200);
    assert.ok(step!.idle < 0.03);
    assert.ok(step!.criticalGood >= 0.95);
    assert.ok(after!.shed < 0.001);
  });
});
