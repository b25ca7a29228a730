import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONTENDERS, FLEETS, medianTail } from './fleet.ts';

test('on every fleet adaptive has the shortest tail of the known strategies, or within a tenth of it', () => {
  for (const fleet of FLEETS) {
    const tails = new Map(CONTENDERS.map((contender) => [contender, medianTail(fleet, contender)]));
    const best = Math.min(...tails.values());
    assert.ok(tails.get('adaptive')! <= 1.1 * best, `${fleet.name}: ${tails.get('adaptive')} ms, the best ${best} ms`);
    if (/3 ×|5 times|10 times/.test(`${fleet.name} ${fleet.what}`))
      assert.ok(tails.get('adaptive')! <= 0.5 * tails.get('twoChoices')!, `${fleet.name}: not half of two choices`);
  }
});
