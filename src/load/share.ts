import { systemClock } from '../kernel/index.ts';
import { Generator, type GeneratorRuntime, type GeneratorUse, type Plan } from './generator.ts';
import type { Measurement } from './measurement.ts';
import { sampleProgress, type ProgressSample } from './progress.ts';

/** What a share of a run measured, in the end. */
export interface ShareResult {
  readonly measurement: Measurement;
  readonly use: GeneratorUse;
  /** User and system CPU time of the share, ms; 0 on a simulated clock. */
  readonly cpuMs: number;
}

/** A part of a run that some process carries out. */
export interface Share {
  /** Opens connections; resolves when the share could start. */
  prepare(): Promise<void>;
  /** Runs, beginning in `delayMs`. `data` is what `setup` returned. */
  run(delayMs: number, data: unknown): Promise<ShareResult>;
  /** Ends the run early. */
  stop(): void;
  /** Where it stands; undefined before the first news. */
  readonly progress: ProgressSample | undefined;
  /** What it has measured so far, as far as is known here. */
  readonly measurement: Measurement | undefined;
  /** Lets go of whatever it holds. */
  close(): Promise<void>;
}

/** The whole run, in this process. */
export class LocalShare implements Share {
  readonly #generator: Generator;
  readonly #runtime: GeneratorRuntime;
  #startMs = 0;

  constructor(plan: Plan, runtime: GeneratorRuntime) {
    this.#generator = new Generator(plan, { worker: 0, workers: 1 }, runtime);
    this.#runtime = runtime;
  }

  get progress(): ProgressSample {
    return sampleProgress(this.#generator.measurement, this.#runtime.clock.monotonic() - this.#startMs);
  }

  get measurement(): Measurement {
    return this.#generator.measurement;
  }

  prepare(): Promise<void> {
    return this.#generator.prepare();
  }

  async run(delayMs: number, data: unknown): Promise<ShareResult> {
    const { clock } = this.#runtime;
    const before = clock === systemClock ? process.cpuUsage() : undefined;
    this.#startMs = clock.monotonic() + delayMs;
    const use = await this.#generator.run(this.#startMs, data);
    const cpu = before ? process.cpuUsage(before) : { user: 0, system: 0 };
    return { measurement: this.#generator.measurement, use, cpuMs: (cpu.user + cpu.system) / 1000 };
  }

  stop(): void {
    this.#generator.stop();
  }

  async close(): Promise<void> {}
}
