import { createRequire } from 'node:module';
import { FleetTotals } from '../../src/health/fleet.ts';
import { metricsText } from '../../src/health/exposition.ts';
import { Metrics, systemClock } from '../../src/kernel/index.ts';
import { defineBench, type Operation } from '../harness/index.ts';

const require = createRequire(import.meta.url);

/** 2,470 histograms of 17 lines each: 42,000 lines. */
const SERIES = 2470;
const labelsOf = (at: number) => ({ class: `class${at % 10}`, route: `/route/${at}` });
const msOf = (at: number): number => 0.1 * 10_000 ** (((at * 2654435761) % 4096) / 4096);

/**
 * Scrapes one after another; `longestBlockMs` is the longest stretch of the process's own CPU time in which no other
 * work got its turn (wall-clock time on a shared machine would count the neighbours too). The first scrapes, while the
 * compiler is at work, are left out.
 */
function scraping(scrape: () => Promise<number>): Operation {
  let lines = 0;
  let longestBlockMs = 0;
  let scrapes = 0;
  return {
    run: async (count) => {
      let before = process.threadCpuUsage().user;
      let watching = true;
      const watch = (): void => {
        const now = process.threadCpuUsage().user;
        if (scrapes > 8) longestBlockMs = Math.max(longestBlockMs, (now - before) / 1000);
        before = now;
        if (watching) setImmediate(watch);
      };
      setImmediate(watch);
      for (let at = 0; at < count; at++, scrapes++) lines = await scrape();
      await new Promise((resolve) => setImmediate(resolve));
      watching = false;
    },
    figures: () => ({ lines, longestBlockMs: Math.round(longestBlockMs * 10) / 10 }),
  };
}

export default defineBench({
  name: 'health/scrape',
  title: 'A scrape of 42,000 lines',
  what: 'One process prints 2,470 histograms with two labels as Prometheus text. Between two scrapes each histogram observes once. `longestBlockMs` is the longest stretch of CPU time in which no request could have been served.',
  unit: 'scrape',
  baseline: 'prom-client',
  rounds: 5,
  contenders: {
    spillway: {
      kind: 'operation',
      prepare: () => {
        const metrics = new Metrics(SERIES);
        const family = metrics.timing({ name: 'latency', unit: 'seconds', help: 'Latency.', labels: ['class', 'route'] });
        for (let at = 0; at < SERIES; at++) for (let n = 0; n < 50; n++) family.series(labelsOf(at)).observe(msOf(at * 50 + n));
        const series = Array.from({ length: SERIES }, (_, at) => family.series(labelsOf(at)));
        const fleet = new FleetTotals();
        let round = 0;
        return scraping(async () => {
          round++;
          for (let at = 0; at < SERIES; at++) series[at]!.observe(msOf(at + round));
          await fleet.collectInSlices([await metrics.snapshotInSlices()]);
          fleet.endInterval();
          let lines = 0;
          for await (const piece of metricsText(fleet.families, 'prometheus', systemClock)) lines += piece.split('\n').length - 1;
          return lines;
        });
      },
    },
    'prom-client': {
      kind: 'operation',
      prepare: () => {
        const prom = require('prom-client') as {
          Registry: new () => { metrics(): Promise<string> };
          Histogram: new (options: object) => { labels(labels: object): { observe(value: number): void } };
        };
        const registry = new prom.Registry();
        const buckets = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
        const histogram = new prom.Histogram({
          name: 'latency_seconds',
          help: 'Latency.',
          labelNames: ['class', 'route'],
          buckets,
          registers: [registry],
        });
        for (let at = 0; at < SERIES; at++)
          for (let n = 0; n < 50; n++) histogram.labels(labelsOf(at)).observe(msOf(at * 50 + n) / 1000);
        const series = Array.from({ length: SERIES }, (_, at) => histogram.labels(labelsOf(at)));
        let round = 0;
        return scraping(async () => {
          round++;
          for (let at = 0; at < SERIES; at++) series[at]!.observe(msOf(at + round) / 1000);
          return (await registry.metrics()).split('\n').length - 1;
        });
      },
    },
  },
});
