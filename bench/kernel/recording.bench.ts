import { createRequire } from 'node:module';
import { Histogram, Metrics } from '../../src/kernel/index.ts';
import { defineBench, type Operation } from '../harness/index.ts';

const require = createRequire(import.meta.url);

/** The same latencies for everyone: log-uniform from 0.1 ms to 1 s. */
const latenciesMs = Array.from({ length: 4096 }, (_, i) => 0.1 * 10_000 ** (((i * 2654435761) % 4096) / 4096));

function over(record: (ms: number) => void): Operation {
  return {
    run: (count) => {
      for (let i = 0; i < count; i++) record(latenciesMs[i & 4095]!);
    },
  };
}

export default defineBench({
  name: 'kernel/recording',
  title: 'Recording one latency',
  what: 'A pre-bound series with one label records a latency: Spillway keeps percentiles and OpenTelemetry’s buckets, prom-client the same 14 buckets, hdr-histogram-js percentiles only.',
  unit: 'record',
  baseline: 'prom-client',
  contenders: {
    'spillway timing': {
      kind: 'operation',
      prepare: () => {
        const series = new Metrics().timing({ name: 'latency', help: 'x', labels: ['class'] }).series({ class: 'critical' });
        return over((ms) => series.observe(ms));
      },
    },
    'spillway histogram': {
      kind: 'operation',
      prepare: () => {
        const histogram = new Histogram();
        return over((ms) => histogram.record(ms * 1000));
      },
    },
    'prom-client': {
      kind: 'operation',
      prepare: () => {
        const { Histogram: PromHistogram } = require('prom-client') as {
          Histogram: new (options: object) => { labels(labels: object): { observe(value: number): void } };
        };
        const buckets = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
        const series = new PromHistogram({ name: 'latency', help: 'x', labelNames: ['class'], buckets }).labels({
          class: 'critical',
        });
        return over((ms) => series.observe(ms / 1000));
      },
    },
    'hdr-histogram-js': {
      kind: 'operation',
      prepare: () => {
        const hdr = require('hdr-histogram-js') as { build(options: object): { recordValue(value: number): void } };
        const histogram = hdr.build({ numberOfSignificantValueDigits: 3 });
        return over((ms) => histogram.recordValue(Math.round(ms * 1000)));
      },
    },
  },
});
