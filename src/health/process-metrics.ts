import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { constants, monitorEventLoopDelay, performance, PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { runtimeFrom, type Metrics, type Runtime } from '../kernel/index.ts';

const GC_KINDS: Readonly<Record<number, string>> = {
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major',
  [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental',
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'weakcb',
};

/** How often file handles are counted: the only reading that touches the file system. */
const HANDLES_EVERY_MS = 10_000;
/** Linux only; elsewhere file handles are not counted. */
const HANDLES_FOLDER = '/proc/self/fd';

/** Two readings closer than this tell nothing of a rate: the earlier one stands. */
const SHORTEST_READING_MS = 100;

/** What measures a process. Call {@link ProcessMetrics.stop} when the process no longer needs it. */
export interface ProcessMetrics {
  stop(): void;
}

/**
 * Measures the process it is called in: CPU, memory, event loop, garbage collection, file handles. Call it once in each
 * worker. Gauges are read when a snapshot is taken; they are kept apart by worker.
 */
export function measureProcess(runtime: Partial<Runtime> = {}): ProcessMetrics {
  const { metrics, clock } = runtimeFrom(runtime);
  measureMemory(metrics);
  measureCpu(metrics, () => clock.monotonic());
  const stopLoop = measureEventLoop(metrics);
  const stopGc = measureGarbageCollection(metrics);
  measureHandles(metrics, () => clock.monotonic());
  const uptimeMs = clock.monotonic();
  const started = metrics
    .gauge({
      name: 'process_start_time',
      unit: 'seconds',
      help: 'When the process started, since the Unix epoch.',
      across: 'each',
    })
    .series();
  started.set((clock.now() - Math.min(uptimeMs, process.uptime() * 1000)) / 1000);
  return {
    stop: () => {
      stopLoop();
      stopGc();
    },
  };
}

/** What the process may use at most, in bytes: its cgroup's limit where there is one, else the machine's memory. */
export function memoryLimitBytes(): number {
  const constrained = process.constrainedMemory();
  const machine = totalmem();
  return constrained > 0 && constrained < machine ? constrained : machine;
}

function gauge(metrics: Metrics, name: string, unit: string | undefined, help: string) {
  return metrics.gauge({ name, help, across: 'each', ...(unit === undefined ? {} : { unit }) }).series();
}

function measureMemory(metrics: Metrics): void {
  const resident = gauge(metrics, 'process_resident_memory', 'bytes', 'Memory the process occupies.');
  const residentLimit = gauge(
    metrics,
    'process_memory_limit',
    'bytes',
    "What it may occupy: its cgroup's limit, or the machine's memory.",
  );
  const heapUsed = gauge(metrics, 'v8js_memory_heap_used', 'bytes', 'JavaScript heap in use, garbage included.');
  const heapLimit = gauge(metrics, 'v8js_memory_heap_limit', 'bytes', 'What the JavaScript heap may grow to.');
  const external = gauge(
    metrics,
    'nodejs_external_memory',
    'bytes',
    'Memory outside the heap held by JavaScript objects, buffers included.',
  );
  residentLimit.set(memoryLimitBytes());
  metrics.onCollect(() => {
    const memory = process.memoryUsage();
    resident.set(memory.rss);
    heapUsed.set(memory.heapUsed);
    external.set(memory.external);
    heapLimit.set(getHeapStatistics().heap_size_limit);
  });
}

function measureCpu(metrics: Metrics, monotonic: () => number): void {
  const seconds = metrics.counter({ name: 'process_cpu', unit: 'seconds', help: 'CPU time, user and system.' }).series();
  const utilization = gauge(
    metrics,
    'process_cpu_utilization',
    'ratio',
    'CPU time per second of wall-clock time since the last reading; 1 is one core.',
  );
  const cores = metrics.gauge({ name: 'process_cpu_cores', help: 'Cores the process may use.', across: 'max' }).series();
  cores.set(availableParallelism());
  const usedUs = (): number => {
    const { user, system } = process.cpuUsage();
    return user + system;
  };
  let countedUs = 0;
  // From here on: what the process did before, mostly compiling, has taken time that is not measured.
  let [lastUs, lastMs] = [usedUs(), monotonic()];
  metrics.onCollect(() => {
    const [nowUs, nowMs] = [usedUs(), monotonic()];
    seconds.inc((nowUs - countedUs) / 1e6);
    countedUs = nowUs;
    if (nowMs - lastMs < SHORTEST_READING_MS) return;
    utilization.set((nowUs - lastUs) / 1000 / (nowMs - lastMs));
    [lastUs, lastMs] = [nowUs, nowMs];
  });
}

function measureEventLoop(metrics: Metrics): () => void {
  const utilization = gauge(
    metrics,
    'nodejs_eventloop_utilization',
    'ratio',
    'Share of time the event loop was busy since the last reading.',
  );
  const p50 = gauge(metrics, 'nodejs_eventloop_delay_p50', 'seconds', 'Median delay of the event loop since the last reading.');
  const p99 = gauge(
    metrics,
    'nodejs_eventloop_delay_p99',
    'seconds',
    '99th percentile of the delay of the event loop since the last reading.',
  );
  const max = gauge(metrics, 'nodejs_eventloop_delay_max', 'seconds', 'Longest delay of the event loop since the last reading.');
  const resolutionMs = 10;
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  let last = performance.eventLoopUtilization();
  metrics.onCollect(() => {
    const now = performance.eventLoopUtilization();
    const since = performance.eventLoopUtilization(now, last);
    if (since.active + since.idle < SHORTEST_READING_MS) return;
    last = now;
    utilization.set(since.utilization);
    // The monitor reports the time between two of its own timers; what exceeds the timer's period is delay.
    const excess = (ns: number): number => Math.max(0, ns / 1e9 - resolutionMs / 1000);
    p50.set(delay.count > 0 ? excess(delay.percentile(50)) : 0);
    p99.set(delay.count > 0 ? excess(delay.percentile(99)) : 0);
    max.set(delay.count > 0 ? excess(delay.max) : 0);
    delay.reset();
  });
  return () => void delay.disable();
}

function measureGarbageCollection(metrics: Metrics): () => void {
  const family = metrics.timing({
    name: 'v8js_gc_duration',
    unit: 'seconds',
    help: 'Pauses of the garbage collector.',
    labels: ['kind'],
  });
  const timings = new Map(Object.entries(GC_KINDS).map(([kind, name]) => [Number(kind), family.series({ kind: name })]));
  const live = gauge(metrics, 'v8js_memory_live', 'bytes', 'Heap and external memory right after the last major collection.');
  const majors = metrics.counter({ name: 'v8js_gc_major_collections', help: 'Major collections.' }).series();
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { kind = 0 } = (entry as { detail?: { kind?: number } }).detail ?? {};
      timings.get(kind)?.observe(entry.duration);
      if (kind !== constants.NODE_PERFORMANCE_GC_MAJOR) continue;
      const memory = process.memoryUsage();
      live.set(memory.heapUsed + memory.external);
      majors.inc();
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  return () => observer.disconnect();
}

function measureHandles(metrics: Metrics, monotonic: () => number): void {
  if (!existsSync(HANDLES_FOLDER)) return;
  const open = gauge(metrics, 'process_open_fds', undefined, 'File descriptors in use.');
  let lastMs = -Infinity;
  metrics.onCollect(() => {
    if (monotonic() - lastMs < HANDLES_EVERY_MS) return;
    lastMs = monotonic();
    open.set(readdirSync(HANDLES_FOLDER).length);
  });
}
