import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Metrics } from '../kernel/index.ts';
import { LentBuffers } from './lent-buffer.ts';

test('a buffer is lent to one at a time, until all its pieces are given back', () => {
  const buffers = new LentBuffers(new Metrics(), 1);
  let freed = 0;
  const buffer = buffers.take(() => freed++)!;
  const [first, second] = [buffer.lend(), buffer.lend()];
  assert.equal(
    buffers.take(() => {}),
    undefined,
    'there is only one',
  );
  first();
  assert.ok(buffer.inUse);
  assert.equal(freed, 0);
  second();
  assert.equal(freed, 1);

  const third = buffer.lend();
  buffer.retire();
  assert.equal(
    buffers.take(() => {}),
    undefined,
    'a piece of it is still being written',
  );
  assert.equal(buffers.used, 1);
  third();
  assert.equal(freed, 1, 'its connection has nothing to do with it any more');
  assert.equal(buffers.used, 0);
  assert.equal(
    buffers.take(() => {}),
    buffer,
  );
});
