import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryKvStore } from '../../drivers/memory-kv-store.ts';
import { ConfigError, SimulatedClock, SpillwayError } from '../../kernel/index.ts';
import { spillwayDriver, type UnstorageDriver, type UnstorageOptions } from './index.ts';

function fleet(options: UnstorageOptions = {}): { clock: SimulatedClock; a: UnstorageDriver; b: UnstorageDriver } {
  const clock = new SimulatedClock();
  const server = new MemoryKvStore({}, { clock });
  const driver = (): UnstorageDriver => spillwayDriver({ store: server.connect(), ...options }, { clock });
  return { clock, a: driver(), b: driver() };
}

const KEY = 'nitro:handlers:_:plans.json';

/** As Nitro stores what a cached handler has answered. */
function entry(clock: SimulatedClock, body: string, maxAgeS = 60): string {
  const value = { status: 200, headers: { 'cache-tag': 'plans, prices' }, body };
  return JSON.stringify({ expires: clock.now() + maxAgeS * 1000, value, mtime: clock.now(), integrity: 'i' });
}

/** As Nitro reads it: what it holds, and whether it will be made anew. */
function read(text: string | null, clock: SimulatedClock, maxAgeS = 60): [body: string, expired: boolean] | undefined {
  if (text === null) return undefined;
  const { value, mtime, integrity } = JSON.parse(text) as { value: { body: string }; mtime: number; integrity: string };
  assert.equal(integrity, 'i');
  return [value.body, clock.now() - mtime > maxAgeS * 1000];
}

test('items of any kind are shared', async () => {
  const { clock, a, b } = fleet();
  const { setItem } = a; // unstorage calls methods without their object
  await setItem('text', 'one');
  await a.setItem('json', '{"mtime":1,"integrity":"x"}');
  await a.setItemRaw('raw', Buffer.from([1, 2, 3]), { ttl: 10 });
  assert.equal(await b.getItem('text'), 'one');
  assert.equal(await b.getItem('json'), '{"mtime":1,"integrity":"x"}', 'only under Nitro’s own keys is it Nitro’s');
  assert.deepEqual(await b.getItemRaw('raw'), Buffer.from([1, 2, 3]));
  assert.deepEqual(await b.getMeta('raw'), { mtime: new Date(clock.now()), ttl: 10 });
  assert.equal(await b.hasItem('raw'), true);
  await clock.advance(10_000);
  assert.equal(await b.hasItem('raw'), false);
  assert.equal(await b.getItemRaw('raw'), null);
  assert.equal(await b.getMeta('raw'), null);
  await b.removeItem('text');
  assert.equal(await a.getItem('text'), null);
});

test('clear empties all of it, or what begins alike', async () => {
  const { a, b } = fleet();
  await a.setItem('a:1', 'one');
  await a.setItem('b:1', 'two');
  await b.clear('a:');
  assert.deepEqual([await a.getItem('a:1'), await a.getItem('b:1')], [null, 'two']);
  await b.clear('');
  assert.equal(await a.getItem('b:1'), null);
});

test('an overdue answer is overdue for one instance only, until the new one is there', async () => {
  const { clock, a, b } = fleet();
  await a.setItem(KEY, entry(clock, 'one'));
  assert.deepEqual(read(await b.getItem(KEY), clock), ['one', false]);
  await clock.advance(60_000);
  assert.deepEqual(read(await b.getItem(KEY), clock), ['one', true]);
  assert.deepEqual(read(await b.getItem(KEY), clock), ['one', false]);
  assert.deepEqual(read(await a.getItem(KEY), clock), ['one', false]);
  await b.setItem(KEY, entry(clock, 'two'));
  assert.deepEqual(read(await a.getItem(KEY), clock), ['two', false]);
});

test('an instance that fails to make it leaves it to the next', async () => {
  const { clock, a, b } = fleet();
  await a.setItem(KEY, entry(clock, 'one'));
  await clock.advance(60_000);
  assert.deepEqual(read(await a.getItem(KEY), clock), ['one', true]);
  await clock.advance(31_000);
  assert.deepEqual(read(await b.getItem(KEY), clock), ['one', true]);
});

test('what nobody has is made by everybody, or with patience by one', async () => {
  const eager = fleet();
  assert.deepEqual([await eager.a.getItem(KEY), await eager.b.getItem(KEY)], [null, null]);
  const patient = fleet({ wait: '5s' });
  assert.equal(await patient.a.getItem(KEY), null);
  const waiting = patient.b.getItem(KEY);
  await patient.a.setItem(KEY, entry(patient.clock, 'one'));
  assert.deepEqual(read(await waiting, patient.clock), ['one', false]);
});

test('a tag of the answer invalidates it everywhere, and what was made before is not stored after', async () => {
  const { clock, a, b } = fleet();
  await a.setItem(KEY, entry(clock, 'one'));
  await b.getInstance().invalidateTags(['prices']);
  assert.equal(await a.getItem(KEY), null);
  await b.getInstance().invalidateTags(['prices']);
  assert.equal(await a.getItem(KEY), null, 'a second request, which Nitro lets join the first');
  await a.setItem(KEY, entry(clock, 'old'));
  assert.equal(await b.getItem(KEY), null);
  await b.setItem(KEY, entry(clock, 'new'));
  assert.deepEqual(read(await a.getItem(KEY), clock), ['new', false]);
});

test('an answer with a time to live is not served beyond it', async () => {
  const { clock, a, b } = fleet();
  await a.setItem(KEY, entry(clock, 'one'), { ttl: 60 });
  await clock.advance(60_000);
  assert.equal(await b.getItem(KEY), null);
});

test('keys are not listed, which is said; wrong options are refused', async () => {
  const { a } = fleet();
  await assert.rejects(a.getKeys(''), (error) => error instanceof SpillwayError && error.code === 'SPILLWAY_KEYS_UNLISTED');
  assert.throws(() => spillwayDriver({ wait: 'soon' }), /wait/);
  const missing = spillwayDriver({ redisFrom: 'SPILLWAY_TEST_NOWHERE' });
  await assert.rejects(
    missing.getItem('k'),
    (error) => error instanceof ConfigError && /SPILLWAY_TEST_NOWHERE/.test(error.message),
  );
  await missing.dispose();
});
