import { createRequire } from 'node:module';
import { Histogram, seededRandom } from '../../src/kernel/index.ts';
import type { Findings, Study } from '../harness/index.ts';

interface HdrHistogram {
  recordValue(value: number): void;
  getValueAtPercentile(percentile: number): number;
}

const hdr = createRequire(import.meta.url)('hdr-histogram-js') as { build(options: object): HdrHistogram };

const QUANTILES = [0.5, 0.9, 0.95, 0.99, 0.999, 1];

/** The largest relative differences over 100 random distributions, in per mille. */
async function study(): Promise<Findings> {
  const worst = QUANTILES.map(() => ({ own: 0, peer: 0, between: 0 }));
  for (let seed = 0; seed < 100; seed++) {
    const random = seededRandom(seed);
    const scale = 10 ** (2 + random.next() * 5);
    const draws = [() => random.next() * scale, () => -Math.log(1 - random.next()) * scale, () => scale ** (0.2 + random.next())];
    const values = Array.from({ length: 5000 }, () => Math.max(1, Math.round(draws[seed % 3]!())));
    const own = new Histogram();
    const peer = hdr.build({
      lowestDiscernibleValue: 1,
      highestTrackableValue: 4_294_967_295,
      numberOfSignificantValueDigits: 3,
    });
    for (const value of values) {
      own.record(value);
      peer.recordValue(value);
    }
    const sorted = values.toSorted((a, b) => a - b);
    for (const [at, q] of QUANTILES.entries()) {
      const truth = sorted[Math.ceil(q * sorted.length) - 1]!;
      const [a, b] = [own.quantile(q), peer.getValueAtPercentile(q * 100)];
      const row = worst[at]!;
      row.own = Math.max(row.own, Math.abs(a - truth) / truth);
      row.peer = Math.max(row.peer, Math.abs(b - truth) / truth);
      row.between = Math.max(row.between, Math.abs(a - b) / truth);
    }
  }
  return {
    bench: 'load/histogram',
    title: 'Histogram against hdr-histogram-js',
    what: '100 random distributions of 5,000 values each (even, exponential, log-uniform; over five decades). The largest error of a percentile against sorting, and the largest difference between the two, in per mille of the value. Both promise 1 per mille.',
    columns: ['percentile', 'spillway', 'hdr-histogram-js', 'between them'],
    rows: worst.map(({ own, peer, between }, at) => [
      `p${QUANTILES[at]! * 100}`,
      round(own * 1000),
      round(peer * 1000),
      round(between * 1000),
    ]),
  };
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

const bench: Study = { name: 'load/histogram', study };
export default bench;
