import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BoundedQueue } from './bounded-queue.ts';

test('behaves as an array that refuses beyond its capacity', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.array(fc.option(fc.nat()), { maxLength: 200 }), (capacity, steps) => {
      const queue = new BoundedQueue<number>(capacity);
      const model: number[] = [];
      let refused = 0;
      for (const step of steps) {
        if (step === null) assert.equal(queue.shift(), model.shift());
        else if (model.length < capacity) assert.equal(queue.push(step), model.push(step) > 0);
        else {
          assert.equal(queue.push(step), false);
          refused++;
        }
        assert.deepEqual([...queue], model);
        assert.equal(queue.peek(), model[0]);
      }
      assert.equal(queue.refused, refused);
    }),
  );
});

test('a capacity that is none is refused', () => {
  assert.throws(() => new BoundedQueue(0), /capacity must be a whole number ≥ 1, not 0/);
});
