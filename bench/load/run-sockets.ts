/** One run with many WebSockets, as a process of its own, watching its own memory. */
import { constant, defineLoad, runLoad } from '../../src/load/index.ts';

const { url, count, rate, seconds } = JSON.parse(process.argv[2]!) as {
  url: string;
  count: number;
  rate: number;
  seconds: number;
};
let mostMb = 0;
const watching = setInterval(() => (mostMb = Math.max(mostMb, process.memoryUsage.rss() / 1024 / 1024)), 100);
const report = await runLoad(
  defineLoad({
    target: url,
    arrival: constant(`${rate}/s`).for(`${seconds}s`),
    sockets: { path: '/', count, ramp: '10s', fanOut: 1 },
  }),
);
clearInterval(watching);
const { connect, delivery } = report.requests;
const row = {
  connected: connect!.completed,
  sent: report.requests['message']!.sent,
  delivered: delivery!.completed,
  deliveryP50: delivery!.latency.p50,
  deliveryP99: delivery!.latency.p99,
  mostMb,
  cpuMs: report.generator.cpuMs,
};
console.log(`\n${JSON.stringify(row)}`);
