import { readFileSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { nodeServer, type Findings, type RunningServer, type Study } from '../harness/index.ts';
import { openLoad, type Phase, type Sample } from './open-load.ts';

const OBJECTIVE_MS = 250;
const WORK_MS = 3;
const CONTENDERS = ['no shedding', 'under-pressure, 1 s', 'under-pressure, 100 ms', 'under-pressure, 20 ms', 'spillway'];
const RUN_MS = 4000;

/** How many times the work's loop runs in 3 ms of CPU here and now. */
function calibrate(): number {
  let [loops, x] = [100_000, 1];
  for (;;) {
    const before = process.cpuUsage();
    for (let i = 0; i < loops; i++) x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d) + i;
    const tookMs = process.cpuUsage(before).user / 1000;
    if (tookMs > 60) return Math.round((loops * WORK_MS) / tookMs) + (x & 0);
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
    setPriority(pid, -20);
    // Linux weighs whole sessions against each other first.
    writeFileSync(`/proc/${pid}/autogroup`, '-20');
  } catch {
    // Only root may, and not everywhere; then other programs do add theirs, to every contender alike.
  }
}

const portOf = (server: RunningServer): number => Number(new URL(server.url).port);

const CLOCK_TICKS_PER_SECOND = 100;

/** Seconds of CPU a server has used. */
function cpuSeconds(server: RunningServer): number {
  const fields = readFileSync(`/proc/${server.pids[0]}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND;
}

interface Rate {
  readonly perSecond: number;
  readonly perCpuSecond: number;
}

/** What a server without shedding answers to eight clients who wait for each answer. */
async function peak(loops: number): Promise<Rate> {
  const server = await start('no shedding', loops);
  let answered = 0;
  const before = cpuSeconds(server);
  const endMs = performance.now() + 2500;
  const client = async (): Promise<void> => {
    while (performance.now() < endMs) {
      await (await fetch(`${server.url}/normal`)).arrayBuffer();
      answered++;
    }
  };
  await Promise.all(Array.from({ length: 8 }, client));
  const rate = { perSecond: answered / 2.5, perCpuSecond: answered / (cpuSeconds(server) - before) };
  await server.stop();
  return rate;
}

interface Run {
  readonly samples: readonly Sample[];
  readonly cpuSeconds: number;
}

async function load(contender: string, loops: number, phases: readonly Phase[]): Promise<Run> {
  const server = await start(contender, loops);
  try {
    await openLoad(portOf(server), [{ perSecond: 50, durationMs: 500, criticalShare: 0.1 }]);
    let before = 0;
    const samples = await openLoad(portOf(server), phases, () => (before = cpuSeconds(server)));
    return { samples, cpuSeconds: cpuSeconds(server) - before };
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

/** @param fromMs when the load that is judged begins. */
function figuresOf({ samples, cpuSeconds }: Run, capacity: Rate, fromMs: number): (string | number)[] {
  const judged = samples.filter((sample) => sample.dueMs >= fromMs);
  const good = judged.filter(isGood).length / ((RUN_MS - fromMs) / 1000);
  const goodPerCpu = samples.filter(isGood).length / cpuSeconds;
  return [
    Math.round(capacity.perSecond),
    `${Math.round(good)} (${Math.round((good / capacity.perSecond) * 100)} %)`,
    `${Math.round(goodPerCpu)} (${Math.round((goodPerCpu / capacity.perCpuSecond) * 100)} %)`,
    percent(
      judged.filter((sample) => sample.critical),
      isGood,
    ),
    percent(judged, (sample) => sample.status === 503),
    fromMs > 0 ? lateUntil(samples, fromMs) : '',
  ];
}

const study: Study = {
  name: 'shed/overload',
  study: async (): Promise<Findings> => {
    prefer(process.pid);
    const loops = calibrate();
    const rows: (string | number)[][] = [];
    const groups = [
      { name: '0.8 ×', phases: [0.8], criticalShare: 0.1 },
      { name: '3 ×', phases: [3], criticalShare: 0.1 },
      { name: '10 ×', phases: [10], criticalShare: 0.05 },
      { name: 'step 0.5 × to 5 ×', phases: [0.5, 5], criticalShare: 0.05 },
    ];
    for (const { name, phases, criticalShare } of groups) {
      const capacity = await peak(loops);
      for (const contender of CONTENDERS) {
        const durationMs = RUN_MS / phases.length;
        const run = await load(
          contender,
          loops,
          phases.map((factor) => ({ perSecond: capacity.perSecond * factor, durationMs, criticalShare })),
        );
        rows.push([`${name} · ${contender}`, ...figuresOf(run, capacity, RUN_MS - durationMs)]);
      }
    }
    return {
      bench: 'shed/overload',
      title: 'Overload',
      what: `Every answer takes ${WORK_MS} ms of CPU. Load is open: requests are sent when their time comes, and latency counts from then; good is an answer within ${OBJECTIVE_MS} ms. One request in ten is critical (one in twenty at 10 × and in the step, so that critical work alone fits). Peak: what the same server answers without shedding to clients who wait, measured before each group. Of the peak: of the step, only what follows it is judged by the clock; the CPU time is that of the whole run, with the calm before. Four hundred connections are open and accepted before the load begins. Fastify for all; under-pressure at three settings.`,
      columns: [
        '',
        'peak / s',
        'good / s (of peak)',
        'good / CPU s (of peak)',
        'critical good',
        'refused',
        'late until, ms after the step',
      ],
      rows,
    };
  },
};

export default study;
