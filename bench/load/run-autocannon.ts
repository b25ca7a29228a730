/** One run of autocannon, as a process of its own: the task as JSON comes in, the outcome goes out. */
import { createRequire } from 'node:module';
import type { Outcome, Task } from './contenders.ts';

interface Result {
  readonly requests: { readonly total: number };
  readonly latency: Readonly<Record<'p50' | 'p90' | 'p99' | 'max', number>>;
}

const autocannon = createRequire(import.meta.url)('autocannon') as (options: object) => Promise<Result>;
const { url, connections, seconds, rate } = JSON.parse(process.argv[2]!) as Task;
// As for Spillway: what is measured is code that has run before.
if (rate === undefined) await autocannon({ url, connections, duration: 1 });
const before = process.cpuUsage();
const result = await autocannon({ url, connections, duration: seconds, ...(rate === undefined ? {} : { overallRate: rate }) });
const cpu = process.cpuUsage(before);
const { p50, p90, p99, max } = result.latency;
const outcome: Outcome = {
  requests: result.requests.total,
  cpuMs: (cpu.user + cpu.system) / 1000,
  wallMs: seconds * 1000,
  p50,
  p90,
  p99,
  max,
};
console.log(`\n${JSON.stringify(outcome)}`);
