import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoffMs, jitter, randomInt, seededRandom } from './random.ts';

test('a seed gives the same sequence, another seed another', () => {
  const draw = (seed: number): number[] =>
    Array.from(
      { length: 5 },
      (
        (random) => () =>
          random.next()
      )(seededRandom(seed)),
    );
  assert.deepEqual(draw(7), draw(7));
  assert.notDeepEqual(draw(7), draw(8));
});

test('numbers spread evenly over [0, 1)', () => {
  const random = seededRandom(1);
  const tenths = Array.from({ length: 10 }, () => 0);
  for (let i = 0; i < 100_000; i++) tenths[randomInt(random, 10)]!++;
  for (const count of tenths) assert.ok(Math.abs(count - 10_000) < 400, `a tenth was drawn ${count} times of 10,000`);
});

test('backoff doubles up to its cap, within the jitter', () => {
  const random = seededRandom(3);
  for (let attempt = 0; attempt < 20; attempt++) {
    const middle = Math.min(10_000, 100 * 2 ** attempt);
    const delay = backoffMs(random, attempt, 100, 10_000, 0.2);
    assert.ok(delay >= middle * 0.8 && delay <= middle * 1.2, `attempt ${attempt}: ${delay}`);
  }
  assert.equal(jitter(random, 50, 0), 50);
});
