import type { MetricsSnapshot } from '../kernel/index.ts';
import { familyIn } from './exposed-name.ts';
import type { LeakVerdict } from './leak.ts';
import type { WorkerRow } from './overview.ts';

/** What the cluster knows of a worker beyond what the worker measures. */
export interface WorkerState {
  readonly name: string;
  /** `running`, `starting`, `draining`, … in the cluster's words. */
  readonly state: string;
  readonly pid: number | null;
}

export interface WorkerChange {
  readonly name: string;
  readonly what: 'started' | 'restarted' | 'gone';
}

interface Known {
  instance: string;
  requests: number;
  restarts: number;
}

/** Workers remembered after they are gone, so that their restarts are counted. */
const REMEMBERED_WORKERS = 256;

/** Follows the workers one by one: what each does now, how often it was restarted, who came and went. */
export class WorkerWatch {
  readonly #known = new Map<string, Known>();
  #rows: readonly WorkerRow[] = [];
  #presentBefore: ReadonlySet<string> | undefined;

  get rows(): readonly WorkerRow[] {
    return this.#rows;
  }

  update(
    present: readonly MetricsSnapshot[],
    seconds: number,
    states: readonly WorkerState[],
    leakOf: (worker: string) => LeakVerdict,
  ): WorkerChange[] {
    const changes: WorkerChange[] = [];
    const names = new Set<string>();
    this.#rows = present.filter(isWorker).map((snapshot, place) => {
      const name = snapshot.worker ?? `worker ${place}`;
      names.add(name);
      const state = states.find((one) => one.name === name);
      return { ...this.#row(snapshot, name, seconds, state, changes), leak: leakOf(name) };
    });
    for (const name of this.#presentBefore ?? []) if (!names.has(name)) changes.push({ name, what: 'gone' });
    this.#presentBefore = names;
    for (const name of this.#known.keys()) {
      if (this.#known.size <= REMEMBERED_WORKERS) break;
      this.#known.delete(name);
    }
    return changes;
  }

  #row(
    snapshot: MetricsSnapshot,
    name: string,
    seconds: number,
    state: WorkerState | undefined,
    changes: WorkerChange[],
  ): Omit<WorkerRow, 'leak'> {
    const instance = snapshot.instance ?? name;
    const requests = sumOf(snapshot, 'spillway_http_requests') ?? 0;
    let known = this.#known.get(name);
    if (!known) {
      this.#known.set(name, (known = { instance, requests, restarts: 0 }));
      if (this.#presentBefore) changes.push({ name, what: 'started' });
    } else if (known.instance !== instance) {
      Object.assign(known, { instance, requests: 0, restarts: known.restarts + 1 });
      changes.push({ name, what: 'restarted' });
    }
    const rate = Math.max(0, requests - known.requests) / seconds;
    known.requests = requests;
    const started = sumOf(snapshot, 'process_start_time_seconds');
    const delay = sumOf(snapshot, 'nodejs_eventloop_delay_p99_seconds');
    return {
      name,
      state: state?.state ?? 'running',
      pid: state?.pid ?? null,
      startedMs: started === null ? null : Math.round(started * 1000),
      rate,
      loop: sumOf(snapshot, 'nodejs_eventloop_utilization_ratio'),
      loopDelayMs: delay === null ? null : delay * 1000,
      cpu: sumOf(snapshot, 'process_cpu_utilization_ratio'),
      residentBytes: sumOf(snapshot, 'process_resident_memory_bytes'),
      heapBytes: sumOf(snapshot, 'v8js_memory_heap_used_bytes'),
      heapLimitBytes: sumOf(snapshot, 'v8js_memory_heap_limit_bytes'),
      restarts: known.restarts,
    };
  }
}

/** The primary takes no requests: it is not a worker. */
function isWorker(snapshot: MetricsSnapshot): boolean {
  return snapshot.worker !== 'primary';
}

function sumOf(snapshot: MetricsSnapshot, name: string): number | null {
  const family = familyIn(snapshot, name);
  return family ? family.series.reduce((sum, series) => sum + (series.value ?? 0), 0) : null;
}
