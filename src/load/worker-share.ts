import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { SpillwayError } from '../kernel/index.ts';
import type { Arrival } from './arrival.ts';
import type { FixedScenario } from './definition.ts';
import { runDurationMs, type GeneratorUse, type Plan } from './generator.ts';
import type { LiveSockets } from './sockets/definition.ts';
import type { Endpoint } from './http1/connection.ts';
import { Measurement, type MeasurementData } from './measurement.ts';
import type { LoadOptions } from './options.ts';
import type { ProgressSample } from './progress.ts';
import type { Turn } from './schedule.ts';
import type { Share, ShareResult } from './share.ts';
import { Timeline } from './timeline.ts';

/** What a worker process makes its plan of: plain data, and the load file where scenarios are code. */
export interface WorkerPlan {
  readonly file: string | undefined;
  readonly target: string;
  readonly arrival: Arrival;
  readonly headers: Readonly<Record<string, string>> | undefined;
  /** Scenarios without code; undefined: those of the file. */
  readonly scenarios: Readonly<Record<string, FixedScenario>> | undefined;
  readonly sockets: LiveSockets | undefined;
  readonly options: LoadOptions;
  readonly endpoint: Endpoint;
  readonly turn: Turn;
  /** Whether the primary needs all measurements while the run goes on, to end it when a bound breaks. */
  readonly reportsMeasurements: boolean;
}

export type ToWorker =
  | { readonly type: 'plan'; readonly plan: WorkerPlan }
  /** `atNs`: on the system's monotonic clock, which all processes share. */
  | { readonly type: 'start'; readonly atNs: bigint; readonly data: unknown }
  | { readonly type: 'stop' };

export type FromWorker =
  | { readonly type: 'ready' }
  | { readonly type: 'progress'; readonly progress: ProgressSample; readonly measurement: MeasurementData | undefined }
  | { readonly type: 'done'; readonly measurement: MeasurementData; readonly use: GeneratorUse; readonly cpuMs: number }
  | { readonly type: 'failed'; readonly message: string };

/** A share of the run in a process of its own. */
export class WorkerShare implements Share {
  progress: ProgressSample | undefined;
  readonly #child: ChildProcess;
  readonly #durationMs: number;
  readonly #ready = Promise.withResolvers<void>();
  readonly #done = Promise.withResolvers<ShareResult>();
  #measured: MeasurementData | undefined;

  constructor(plan: Plan, turn: Turn, reportsMeasurements: boolean) {
    const workerPlan = { ...plainPlan(plan), turn, reportsMeasurements };
    this.#durationMs = runDurationMs(plan.definition);
    const extension = import.meta.url.slice(-3);
    this.#child = fork(fileURLToPath(new URL(`./worker${extension}`, import.meta.url)), { serialization: 'advanced' });
    this.#child.on('message', (message) => this.#hear(message as FromWorker));
    this.#child.on('exit', (code, signal) => this.#fail(`ended with ${signal ?? code}`));
    this.#ready.promise.catch(() => {});
    this.#done.promise.catch(() => {});
    this.#tell({ type: 'plan', plan: workerPlan });
  }

  get measurement(): Measurement | undefined {
    return this.#measured && this.#measurementFrom(this.#measured);
  }

  prepare(): Promise<void> {
    return this.#ready.promise;
  }

  run(delayMs: number, data: unknown): Promise<ShareResult> {
    this.#tell({ type: 'start', atNs: process.hrtime.bigint() + BigInt(Math.round(delayMs * 1e6)), data });
    return this.#done.promise;
  }

  stop(): void {
    this.#tell({ type: 'stop' });
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await gone;
  }

  #tell(message: ToWorker): void {
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  #hear(message: FromWorker): void {
    if (message.type === 'ready') this.#ready.resolve();
    else if (message.type === 'failed') this.#fail(message.message);
    else if (message.type === 'progress') {
      this.progress = message.progress;
      this.#measured = message.measurement;
    } else {
      const { measurement, use, cpuMs } = message;
      this.#done.resolve({ measurement: this.#measurementFrom(measurement), use, cpuMs });
    }
  }

  #measurementFrom(data: MeasurementData): Measurement {
    const measurement = new Measurement(new Timeline(this.#durationMs));
    measurement.merge(data);
    return measurement;
  }

  #fail(message: string): void {
    const error = new SpillwayError('SPILLWAY_LOAD_WORKER', `A worker of the load generator failed: ${message}`);
    this.#ready.reject(error);
    this.#done.reject(error);
  }
}

function plainPlan({ definition, options, endpoint }: Plan): Omit<WorkerPlan, 'turn' | 'reportsMeasurements'> {
  const { target, headers, scenarios = {}, sockets } = definition;
  const inSockets = [sockets?.subscribe, sockets?.message].some((part) => typeof part === 'function');
  const withCode = inSockets || Object.values(scenarios).some((scenario) => 'exec' in scenario);
  if (withCode && options.file === undefined) {
    throw new SpillwayError(
      'SPILLWAY_LOAD_SCENARIO',
      'Several workers each load the scenarios from a file: run it with spillway load, or pass file: import.meta.url.',
    );
  }
  return {
    file: withCode ? options.file : undefined,
    target,
    arrival: plainArrival(definition.arrival),
    headers,
    sockets: withCode ? undefined : sockets,
    scenarios: withCode ? undefined : (definition.scenarios as WorkerPlan['scenarios']),
    options,
    endpoint,
  };
}

/** Without its method, which cannot be sent. */
function plainArrival(arrival: Arrival): Arrival {
  if (arrival.model !== 'open') return arrival;
  return { model: 'open', phases: arrival.phases } as Arrival;
}
