import { setPriority } from 'node:os';
import { join } from 'node:path';
import { nodeServer, type Findings, type RunningServer, type Study } from '../harness/index.ts';
import { openLoad, type Phase, type Sample } from './open-load.ts';

const OBJECTIVE_MS = 250;
const WORK_MS = 3;
const CONTENDERS = ['no shedding', 'under-pressure, 1 s', 'under-pressure, 100 ms', 'under-pressure, 20 ms', 'spillway'];
const RUN_MS = 4000;

/** How many times the work's loop runs in 3 ms here and now. */
function calibrate(): number {
  let [loops, x] = [100_000, 1];
  for (;;) {
    const start = performance.now();
    for (let i = 0; i < loops; i++) x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d) + i;
    const tookMs = performance.now() - start;
    if (tookMs > 30) return Math.round((loops * WORK_MS) / tookMs) + (x & 0);
    loops *= 2;
  }
}

async function start(contender: string, loops: number): Promise<RunningServer> {
  const server = await nodeServer(join(import.meta.dirname, 'overload-server.ts'), [contender, String(loops)]);
  server.pids.forEach(prefer);
  return server;
}

/** Latencies are measured: other programs of the machine should not add theirs. */
function prefer(pid: number): void {
  try {
    setPriority(pid, -10);
  } catch {
    // Only root may; then other programs do add theirs, to every contender alike.
  }
}

const portOf = (server: RunningServer): number => Number(new URL(server.url).port);

/** Requests a second that a server without shedding answers to eight clients who wait for each answer. */
async function peak(loops: number): Promise<number> {
  const server = await start('no shedding', loops);
  let answered = 0;
  const endMs = performance.now() + 2500;
  const client = async (): Promise<void> => {
    while (performance.now() < endMs) {
      await (await fetch(`${server.url}/normal`)).arrayBuffer();
      answered++;
    }
  };
  await Promise.all(Array.from({ length: 8 }, client));
  await server.stop();
  return answered / 2.5;
}

async function load(contender: string, loops: number, phases: readonly Phase[]): Promise<Sample[]> {
  const server = await start(contender, loops);
  try {
    await openLoad(portOf(server), [{ perSecond: 50, durationMs: 500, criticalShare: 0.1 }]);
    return await openLoad(portOf(server), phases);
  } finally {
    await server.stop();
  }
}

const isGood = (sample: Sample): boolean => sample.status === 200 && sample.tookMs <= OBJECTIVE_MS;

function percent(samples: readonly Sample[], holds: (sample: Sample) => boolean): string {
  return `${((samples.filter(holds).length / Math.max(1, samples.length)) * 100).toFixed(1)} %`;
}

/** After a step in load: until when answers came later than the objective, ms. */
function lateUntil(samples: readonly Sample[], stepMs: number): number {
  const late = samples.filter((sample) => sample.dueMs >= stepMs && sample.status === 200 && sample.tookMs > OBJECTIVE_MS);
  return late.length === 0 ? 0 : Math.round(Math.max(...late.map((sample) => sample.dueMs)) - stepMs);
}

const study: Study = {
  name: 'shed/overload',
  study: async (): Promise<Findings> => {
    prefer(process.pid);
    const loops = calibrate();
    const rows: (string | number)[][] = [];
    for (const { factor, criticalShare } of [
      { factor: 0.8, criticalShare: 0.1 },
      { factor: 3, criticalShare: 0.1 },
      { factor: 10, criticalShare: 0.05 },
    ]) {
      const capacity = await peak(loops);
      for (const contender of CONTENDERS) {
        const samples = await load(contender, loops, [{ perSecond: capacity * factor, durationMs: RUN_MS, criticalShare }]);
        const critical = samples.filter((sample) => sample.critical);
        const good = samples.filter(isGood).length / (RUN_MS / 1000);
        rows.push([
          `${factor} × · ${contender}`,
          Math.round(capacity),
          `${Math.round(good)} (${Math.round((good / capacity) * 100)} %)`,
          percent(critical, isGood),
          percent(samples, (sample) => sample.status === 503),
          '',
        ]);
      }
    }
    const capacity = await peak(loops);
    for (const contender of CONTENDERS) {
      const phases = [0.5, 5].map((factor) => ({ perSecond: capacity * factor, durationMs: 2000, criticalShare: 0.05 }));
      const samples = await load(contender, loops, phases);
      const after = samples.filter((sample) => sample.dueMs >= 2000);
      const good = after.filter(isGood).length / 2;
      rows.push([
        `step 0.5 × to 5 × · ${contender}`,
        Math.round(capacity),
        `${Math.round(good)} (${Math.round((good / capacity) * 100)} %)`,
        percent(
          after.filter((sample) => sample.critical),
          isGood,
        ),
        percent(after, (sample) => sample.status === 503),
        lateUntil(samples, 2000),
      ]);
    }
    return {
      bench: 'shed/overload',
      title: 'Overload',
      what: `Every answer takes ${WORK_MS} ms of CPU. Load is open: requests are sent when their time comes, and latency counts from then; good is an answer within ${OBJECTIVE_MS} ms. One request in ten is critical (one in twenty at 10 × and in the step, so that critical work alone fits). Peak: what the same server answers without shedding to clients who wait, measured before each group. Fastify for all; under-pressure at three settings.`,
      columns: ['', 'peak / s', 'good / s (of peak)', 'critical good', 'refused', 'late until, ms after the step'],
      rows,
    };
  },
};

export default study;
