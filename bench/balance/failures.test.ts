import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { failOneOfFive, type Fault } from './failures.ts';

describe('one of five endpoints', () => {
  for (const fault of ['killed', 'frozen', 'fails fast'] satisfies Fault[]) {
    test(`${fault}: clients hardly notice, it gets next to nothing, and it comes back`, async () => {
      const outcome = await failOneOfFive(fault, { faultMs: 4000, slowStartMs: 2000 });
      // What it takes to find out, five in a row and those under way beside them, is the same however few requests follow.
      assert.ok(outcome.failed <= Math.max(20, outcome.requests * 0.001), JSON.stringify(outcome));
      assert.ok(outcome.shareAfter <= 0.05, JSON.stringify(outcome));
      assert.ok(outcome.shareOnReturn < outcome.shareInTheEnd && outcome.shareInTheEnd > 0.1, JSON.stringify(outcome));
    });
  }
});
