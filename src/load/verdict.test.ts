import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Histogram } from '../kernel/index.ts';
import { reasonsInvalid, type GeneratorEvidence } from './verdict.ts';

/** A histogram of 1,000 values: `usual` µs, and of 2 % of them `worst` µs. */
function histogram(usual: number, worst = usual): Histogram {
  const histogram = new Histogram();
  histogram.record(usual, 980);
  histogram.record(worst, 20);
  return histogram;
}

const sound: GeneratorEvidence = {
  planned: 1000,
  punctual: 1000,
  answered: 1000,
  lag: histogram(500, 1500),
  latency: histogram(3000, 9000),
  busy: 0.3,
  workers: 1,
  connections: 64,
};

test('a generator that kept up is believed', () => {
  assert.deepEqual(reasonsInvalid(sound), []);
  assert.deepEqual(
    reasonsInvalid({ ...sound, lag: histogram(500, 40_000), latency: histogram(3000, 900_000) }),
    [],
    'lag below a tenth of p99',
  );
});

test('a generator that lagged, was saturated or missed the rate is not', () => {
  assert.match(
    reasonsInvalid({ ...sound, lag: histogram(500, 2500) })[0]!,
    /1 % of requests left more than 2.5 ms .* \(allowed 2.0 ms\)/,
  );
  assert.match(reasonsInvalid({ ...sound, lag: histogram(2500) })[0]!, /50 % of requests/);
  assert.match(reasonsInvalid({ ...sound, busy: 0.91 })[0]!, /saturated: its event loop was busy 91 %/);
  assert.match(reasonsInvalid({ ...sound, punctual: 980 })[0]!, /the rate was missed: 980 of 1000/);
});

test('a run without answers or without requests is no run', () => {
  assert.match(reasonsInvalid({ ...sound, answered: 0 })[0]!, /none of 1000 requests was answered/);
  assert.match(reasonsInvalid({ ...sound, planned: 0 })[0]!, /nothing was planned/);
});
