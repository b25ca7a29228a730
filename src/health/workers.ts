import type { MetricsSnapshot } from '../kernel/index.ts';
import { familyIn } from './exposed-name.ts';
import type { LeakVerdict } from './leak.ts';
import type { WorkerRow } from './overview.ts';

/** What the cluster knows of a worker beyond what the worker measures. */
export interface WorkerState {
  readonly name: string;
  /** `ready`, `starting`, `draining`, … in the cluster's words. One that drains beside its successor has a name of its own. */
  readonly state: string;
  readonly pid: number | null;
}

export interface WorkerChange {
  readonly name: string;
  readonly what: 'started' | 'restarted' | 'gone';
}

interface Known {
  instance: string;
  restarts: number;
}

/** Workers remembered after they are gone, so that their restarts are counted. */
const REMEMBERED_WORKERS = 256;

/** Follows the workers one by one: what each does now, how often it was restarted, who came and went. */
export class WorkerWatch {
  readonly #known = new Map<string, Known>();
  /** Requests that each process had counted a second ago. */
  #counted: ReadonlyMap<string, number> = new Map();
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
    const counted = new Map<string, number>();
    const measured = present.filter(isWorker).map((snapshot, place): WorkerRow => {
      const name = snapshot.worker ?? `worker ${place}`;
      const instance = snapshot.instance ?? name;
      const state = states.find((one) => one.name === name);
      const requests = sumOf(snapshot, 'spillway_http_requests') ?? 0;
      counted.set(instance, requests);
      // One that drains makes way for its successor: that is the one to follow.
      const known = state?.state === 'draining' ? undefined : this.#follow(name, instance, changes);
      if (known) names.add(name);
      const before = this.#counted.get(instance) ?? (known && known.restarts > 0 ? 0 : requests);
      const rate = Math.max(0, requests - before) / seconds;
      return { ...rowOf(snapshot, name, state), rate, restarts: known?.restarts ?? 0, leak: leakOf(name) };
    });
    const silent = states.filter(({ name }) => !measured.some((row) => row.name === name));
    this.#rows = [...measured, ...silent.map((state) => this.#silentRow(state, leakOf))].toSorted(byName);
    for (const name of this.#presentBefore ?? []) if (!names.has(name)) changes.push({ name, what: 'gone' });
    this.#presentBefore = names;
    this.#counted = counted;
    for (const name of this.#known.keys()) {
      if (this.#known.size <= REMEMBERED_WORKERS) break;
      this.#known.delete(name);
    }
    return changes;
  }

  /** One that starts, or was taken out of service, measures nothing. */
  #silentRow({ name, state, pid }: WorkerState, leakOf: (worker: string) => LeakVerdict): WorkerRow {
    const restarts = this.#known.get(name)?.restarts ?? 0;
    return { ...UNMEASURED, name, state, pid: pid === 0 ? null : pid, rate: 0, restarts, leak: leakOf(name) };
  }

  #follow(name: string, instance: string, changes: WorkerChange[]): Known {
    let known = this.#known.get(name);
    if (!known) {
      this.#known.set(name, (known = { instance, restarts: 0 }));
      if (this.#presentBefore) changes.push({ name, what: 'started' });
    } else if (known.instance !== instance) {
      known.instance = instance;
      known.restarts++;
      changes.push({ name, what: 'restarted' });
    }
    return known;
  }
}

const UNMEASURED = {
  startedMs: null,
  loop: null,
  loopDelayMs: null,
  cpu: null,
  residentBytes: null,
  heapBytes: null,
  heapLimitBytes: null,
} as const;

function byName(a: WorkerRow, b: WorkerRow): number {
  return a.name.localeCompare(b.name, 'en', { numeric: true });
}

function rowOf(
  snapshot: MetricsSnapshot,
  name: string,
  state: WorkerState | undefined,
): Omit<WorkerRow, 'rate' | 'restarts' | 'leak'> {
  const started = sumOf(snapshot, 'process_start_time_seconds');
  const delay = sumOf(snapshot, 'nodejs_eventloop_delay_p99_seconds');
  return {
    name,
    state: state?.state ?? 'running',
    pid: state?.pid ?? null,
    startedMs: started === null ? null : Math.round(started * 1000),
    loop: sumOf(snapshot, 'nodejs_eventloop_utilization_ratio'),
    loopDelayMs: delay === null ? null : delay * 1000,
    cpu: sumOf(snapshot, 'process_cpu_utilization_ratio'),
    residentBytes: sumOf(snapshot, 'process_resident_memory_bytes'),
    heapBytes: sumOf(snapshot, 'v8js_memory_heap_used_bytes'),
    heapLimitBytes: sumOf(snapshot, 'v8js_memory_heap_limit_bytes'),
  };
}

/** The primary takes no requests: it is not a worker. */
function isWorker(snapshot: MetricsSnapshot): boolean {
  return snapshot.worker !== 'primary';
}

function sumOf(snapshot: MetricsSnapshot, name: string): number | null {
  const family = familyIn(snapshot, name);
  return family ? family.series.reduce((sum, series) => sum + (series.value ?? 0), 0) : null;
}
