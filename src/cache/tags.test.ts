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

test('a version made up while the store was away does not outlive the news of a change', () => {
  const table = new TagTable(1000, () => Promise.reject(new Error('away')));
  const stamp = table.stampApart(['t']);
  assert.equal(table.lastVerdict(stamp), 'valid');
  table.doubtAll();
  assert.equal(table.lastVerdict(stamp), 'valid', 'a gap tells nothing of this tag');
  table.doubt('t');
  assert.equal(table.verdict(stamp), 'unknown');
  assert.equal(table.lastVerdict(stamp), 'unknown');
});

test('told of a change that was none, a tag has the version it had, and nothing counts as invalidated', async () => {
  const inStore = { hard: 'v1', soft: 'v1' };
  const table = new TagTable(1000, async (tags) => tags.map(() => inStore));
  const stamp = await table.stamp(['t']);
  const { sequence } = table;
  table.doubt('t');
  assert.equal(table.verdict(stamp), 'unknown');
  assert.ok(table.doubtedSince(['t'], sequence) && !table.invalidatedSince(['t'], sequence));
  await table.settle(['t']);
  assert.equal(table.verdict(stamp), 'valid');
  assert.ok(!table.invalidatedSince(['t'], sequence));
  inStore.hard = 'v2';
  table.doubt('t');
  await table.settle(['t']);
  assert.equal(table.verdict(stamp), 'invalid');
  assert.ok(table.invalidatedSince(['t'], sequence));
});

test('a stamp has the versions that were known when it was taken, although one comes into doubt at once', async () => {
  const version = { hard: '1', soft: '1' };
  const table = new TagTable(1000, async (tags) => tags.map(() => version));
  await table.settle(['a', 'b']);
  const taken = table.stamp(['a', 'b']);
  table.doubt('b');
  const stamp = await taken;
  assert.deepEqual(stamp.versions, [version, version]);
  assert.equal(table.verdict(stamp), 'unknown');
  await table.settle(['b']);
  assert.equal(table.verdict(stamp), 'valid');
});
