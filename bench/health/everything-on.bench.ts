import { createRequire } from 'node:module';
import { deserialize, serialize } from 'node:v8';
import { createHealth, measureProcess } from '../../src/health/index.ts';
import { Metrics, SimulatedClock, type MetricsSnapshot } from '../../src/kernel/index.ts';
import { defineBench } from '../harness/index.ts';

const require = createRequire(import.meta.url);

const REQUESTS = 5000;
const CLASSES = ['critical', 'high', 'normal', 'low', 'static', 'api'];
const msOf = (at: number): number => 0.1 * 10_000 ** (((at * 2654435761) % 4096) / 4096);

export default defineBench({
  name: 'health/everything-on',
  title: 'All of health for one second at 5,000 requests a second',
  what:
    'Each request counts a status, a page outcome, a cache hit and a latency in one of six classes. Then, once: the snapshot travels as it does between processes, is merged, ' +
    'judged against limits, objectives and alert rules, and written into history of three resolutions. 20,000 µs are 2 % of a core. prom-client counts the same and prints it once; it judges and keeps nothing.',
  unit: 'second',
  baseline: 'prom-client',
  rounds: 5,
  contenders: {
    spillway: {
      kind: 'operation',
      prepare: async () => {
        const metrics = new Metrics(1000, 'worker 0');
        const measured = measureProcess({ metrics });
        const requests = metrics.counter({ name: 'spillway_http_requests', help: 'h', labels: ['class', 'status'] });
        const durations = metrics.timing({
          name: 'spillway_http_request_duration_seconds',
          unit: 'seconds',
          help: 'h',
          labels: ['class'],
        });
        const pages = metrics.counter({ name: 'spillway_page_requests', help: 'h', labels: ['class', 'result'] });
        const hits = metrics
          .counter({ name: 'spillway_cache_hits', help: 'h', labels: ['cache', 'tier'] })
          .series({ cache: 'pages', tier: 'memory' });
        const bound = CLASSES.map((name) => ({
          ok: requests.series({ class: name, status: '2xx' }),
          duration: durations.series({ class: name }),
          hit: pages.series({ class: name, result: 'hit' }),
        }));
        const clock = new SimulatedClock();
        const overTheWire = (): MetricsSnapshot => deserialize(serialize(metrics.snapshot())) as MetricsSnapshot;
        const classObjectives = new Map(CLASSES.map((name) => [name, 1000]));
        const health = createHealth({ sources: async () => [overTheWire()], classObjectives }, { clock });
        await health.start();
        return {
          run: async (count) => {
            for (let second = 0; second < count; second++) {
              for (let at = 0; at < REQUESTS; at++) {
                const series = bound[at % 6]!;
                series.ok.inc();
                series.duration.observe(msOf(at));
                series.hit.inc();
                hits.inc();
              }
              await clock.advance(1000);
            }
          },
          close: async () => {
            measured.stop();
            await health.stop();
          },
        };
      },
    },
    'prom-client': {
      kind: 'operation',
      prepare: () => {
        type Counter = { labels(labels: object): { inc(): void } };
        type Histogram = { labels(labels: object): { observe(value: number): void } };
        const prom = require('prom-client') as {
          Registry: new () => { metrics(): Promise<string> };
          Counter: new (options: object) => Counter;
          Histogram: new (options: object) => Histogram;
          collectDefaultMetrics(options: object): void;
        };
        const registers = [new prom.Registry()];
        const counter = (name: string, labelNames: string[]) => new prom.Counter({ name, help: 'h', labelNames, registers });
        const requests = counter('requests', ['class', 'status']);
        const pages = counter('pages', ['class', 'result']);
        const hits = counter('hits', ['cache', 'tier']).labels({ cache: 'pages', tier: 'memory' });
        const buckets = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
        const durations = new prom.Histogram({ name: 'duration', help: 'h', labelNames: ['class'], buckets, registers });
        prom.collectDefaultMetrics({ register: registers[0] });
        const bound = CLASSES.map((name) => ({
          ok: requests.labels({ class: name, status: '2xx' }),
          duration: durations.labels({ class: name }),
          hit: pages.labels({ class: name, result: 'hit' }),
        }));
        return {
          run: async (count) => {
            for (let second = 0; second < count; second++) {
              for (let at = 0; at < REQUESTS; at++) {
                const series = bound[at % 6]!;
                series.ok.inc();
                series.duration.observe(msOf(at) / 1000);
                series.hit.inc();
                hits.inc();
              }
              await registers[0]!.metrics();
            }
          },
        };
      },
    },
  },
});
