/** One run of Spillway's generator, as a process of its own: the task as JSON comes in, the outcome goes out. */
import { Histogram } from '../../src/kernel/index.ts';
import { constant, defineLoad, runLoad, users } from '../../src/load/index.ts';
import type { Outcome, Task } from './contenders.ts';

const { url, connections, seconds, rate, workers = 1 } = JSON.parse(process.argv[2]!) as Task;
// Without a rate the question is what a request costs, and code that runs for the first time costs more.
if (rate === undefined) await runLoad(defineLoad({ target: url, arrival: users(connections).for('1s') }), { connections });
const arrival = rate === undefined ? users(connections).for(`${seconds}s`) : constant(`${rate}/s`).for(`${seconds}s`);
const report = await runLoad(defineLoad({ target: url, arrival }), { connections, workers });
const latency = Histogram.fromJSON(report.histograms.latency);
const outcome: Outcome = {
  requests: report.completed,
  cpuMs: report.generator.cpuMs,
  wallMs: seconds * 1000,
  p50: latency.quantile(0.5) / 1000,
  p90: latency.quantile(0.9) / 1000,
  p99: latency.quantile(0.99) / 1000,
  max: latency.max / 1000,
  notes: {
    planned: report.planned,
    sent: report.sent,
    lagP99: report.lag.p99 ?? Number.NaN,
    busy: report.generator.busy,
    exitCode: report.verdict.exitCode,
  },
};
console.log(`\n${JSON.stringify(outcome)}`);
