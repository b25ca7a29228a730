import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LoadWatch } from './load-watch.ts';

const settings = { up: 0.8, upAfterMs: 5000, down: 0.3, downAfterMs: 60_000 };

test('a lasting load adds a worker, and only one at a time', () => {
  const watch = new LoadWatch(settings);
  const decisions = Array.from({ length: 12 }, (_, second) => watch.decide([0.9, 0.95], second * 1000));
  assert.deepEqual(decisions, [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1]);
});

test('a short peak changes nothing', () => {
  const watch = new LoadWatch(settings);
  for (let second = 0; second < 30; second++) assert.equal(watch.decide([second % 4 === 0 ? 0.5 : 0.95], second * 1000), 0);
});

test('a lasting quiet takes one away, but never the last, nor one the others need', () => {
  const watch = new LoadWatch(settings);
  assert.equal(watch.decide([0.1, 0.2], 0), 0);
  assert.equal(watch.decide([0.1, 0.2], 60_000), -1);
  const alone = new LoadWatch(settings);
  assert.equal(alone.decide([0], 0), 0);
  assert.equal(alone.decide([0], 100_000), 0);
  const needed = new LoadWatch({ ...settings, down: 0.5 });
  assert.equal(needed.decide([0.45, 0.45], 0), 0);
  assert.equal(needed.decide([0.45, 0.45], 100_000), 0);
});
