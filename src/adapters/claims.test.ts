import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCache } from '../cache/index.ts';
import { SimulatedClock } from '../kernel/index.ts';
import { Claim, Claims } from './claims.ts';

test('a process holds so many claims and no more; beyond, entries are made without', async () => {
  const clock = new SimulatedClock();
  const claims = new Claims<string>(createCache<string>({}, { clock }), clock, { renderTimeout: 30_000, wait: 1000 });
  const first = await claims.claim('0');
  for (let key = 1; key < 500; key++) assert.ok((await claims.claim(String(key))) instanceof Claim);
  assert.equal(await claims.claim('500'), undefined);
  assert.equal(await claims.claimOrFind('500', [], async () => undefined), undefined);
  await (first as Claim<string>).release();
  assert.ok((await claims.claim('500')) instanceof Claim);
  await clock.advance(30_000);
  assert.deepEqual(claims.held('500'), [], 'a claim that nothing came of has ended');
});
