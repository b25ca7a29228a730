import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TagTable } from './tags.ts';

test('an answer that another process’s change overtook does not make its version the tag’s', async () => {
  const inStore = { hard: 'v2', soft: 'v2' };
  const table = new TagTable(1000, async (tags) => tags.map(() => inStore));
  // Our change made v1; before we read the store's answer we hear of another change, which made v2.
  const announced = table.invalidate('plan:1', false);
  table.invalidate('plan:1', false);
  table.accept('plan:1', { hard: 'v1', soft: 'v1' }, announced);
  assert.equal(table.stampNow(['plan:1']), undefined);
  assert.deepEqual((await table.stamp(['plan:1'])).versions, [inStore]);
});

test('an answer that nothing overtook is the tag’s version without asking again', () => {
  const table = new TagTable(1000, () => assert.fail('asked'));
  const announced = table.invalidate('plan:1', false);
  table.accept('plan:1', { hard: 'v1', soft: 'v1' }, announced);
  assert.equal(table.stampNow(['plan:1'])?.versions[0]?.hard, 'v1');
});
