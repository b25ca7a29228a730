import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryKvStore } from '../drivers/memory-kv-store.ts';
import { SimulatedClock } from '../kernel/index.ts';
import type { KvStore } from '../ports/index.ts';
import { StoreGuard } from './store-guard.ts';

function setup(maxOwed = 100) {
  const clock = new SimulatedClock();
  const server = new MemoryKvStore({}, { clock });
  const calls: string[] = [];
  let down = false;
  let slowMs = 0;
  const inner = server.connect();
  const store = new Proxy(inner, {
    get: (target, name) => {
      const member = target[name as keyof KvStore];
      if (typeof member !== 'function') return member;
      return async (...args: never[]) => {
        calls.push(String(name));
        if (slowMs > 0) await clock.sleep(slowMs);
        if (down) throw new Error('down');
        return (member as (...given: never[]) => unknown).apply(target, args);
      };
    },
  });
  const changes: boolean[] = [];
  const guard = new StoreGuard(store, clock, { failures: 3, probeMs: 250, maxOwed }, (available) => changes.push(available));
  return {
    clock,
    guard,
    calls,
    changes,
    server: server.connect(),
    setDown: (is: boolean) => (down = is),
    setSlow: (ms: number) => (slowMs = ms),
  };
}

const value = (storedMs: number) => ({ storedMs, freshUntilMs: 1e15, bytes: new Uint8Array() });

test('after some failures in a row the store is left alone, and asked until it answers', async () => {
  const { clock, guard, calls, changes, setDown } = setup();
  setDown(true);
  for (let at = 0; at < 10; at++) await assert.rejects(guard.get('k'), at < 3 ? /down/ : /left alone/);
  assert.equal(calls.length, 3);
  await clock.advance(10_000);
  assert.ok(calls.filter((call) => call === 'ping').length <= 45, 'four times a second');
  setDown(false);
  await clock.advance(250);
  assert.ok(guard.available);
  assert.deepEqual(changes, [false, true]);
});

test('invalidations are owed while the store is away, and made good before anything is read', async () => {
  const { clock, guard, calls, server, setDown } = setup();
  await server.put([{ key: 'old', value: value(clock.now() - 10), keepMs: 1e6 }]);
  setDown(true);
  assert.equal(await guard.remove(['old', 'new']), 0);
  assert.equal(await guard.bump(['t'], false), undefined);
  assert.equal(await guard.removeMatching('p:*'), 0);
  assert.equal(guard.owed, 4);
  await server.put([{ key: 'new', value: value(clock.now() + 10), keepMs: 1e6 }]);
  setDown(false);
  await clock.advance(1000);
  assert.equal(guard.owed, 0);
  assert.equal(await server.get('old'), undefined);
  assert.ok(await server.get('new'), 'what was stored after the invalidation stays');
  assert.ok(calls.includes('bump') && calls.includes('removeMatching'));
});

test('debts are paid although new invalidations keep coming', async () => {
  const { clock, guard, setDown, setSlow } = setup();
  setDown(true);
  for (let at = 0; at < 20; at++) await guard.removeMatching(`p${at}:*`);
  setDown(false);
  setSlow(30);
  for (let at = 0; at < 100; at++) {
    void guard.removeMatching(`q${at}:*`);
    await clock.advance(20);
  }
  assert.equal(guard.owed, 0);
  assert.ok(guard.available);
});

test('what was put while the store was away is not put later; what was there before goes', async () => {
  const { clock, guard, server, setDown } = setup();
  await server.put([{ key: 'k', value: value(clock.now() - 10), keepMs: 1e6 }]);
  setDown(true);
  assert.equal(await guard.put([{ key: 'k', value: value(clock.now()), keepMs: 1e6 }]), false);
  setDown(false);
  await clock.advance(1000);
  assert.equal(await server.get('k'), undefined);
});

test('who owes more than can be remembered owes everything', async () => {
  const { clock, guard, server, setDown } = setup(5);
  const [before] = await server.versions(['*']);
  setDown(true);
  for (let at = 0; at < 10; at++) await guard.remove([`k${at}`]);
  assert.ok(guard.owed <= 5);
  setDown(false);
  await clock.advance(1000);
  assert.notDeepEqual(await server.versions(['*']), [before]);
  assert.equal(guard.owed, 0);
});
