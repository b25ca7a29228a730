import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryKvStore } from '../drivers/memory-kv-store.ts';
import { SimulatedClock } from '../kernel/index.ts';
import type { KvStore } from '../ports/index.ts';
import { createCache } from './index.ts';

/** A store that claims to tell of every change, and tells nothing. */
function deaf(inner: KvStore, clock: SimulatedClock): KvStore {
  return new Proxy(inner, {
    get: (target, name) => {
      if (name === 'watch') {
        return () => ({
          get provenMs() {
            return clock.monotonic();
          },
          close: async () => {},
        });
      }
      const member = target[name as keyof KvStore];
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

for (const [what, isDeaf, violations] of [
  ['a store that keeps its changes to itself is found out, and the copy dropped', true, 1],
  ['a store that tells of its changes is not blamed', false, 0],
] as const) {
  test(what, async () => {
    const clock = new SimulatedClock();
    const server = new MemoryKvStore({}, { clock });
    const store = isDeaf ? deaf(server.connect(), clock) : server.connect();
    const cache = createCache({ store, ttl: '1h', maxStaleness: '1s', memory: { sweepEvery: '10s' } }, { clock });
    await cache.set('k', 'old');
    await cache.set('other', 'kept');
    await clock.advance(20_000);
    assert.equal(cache.stats().violations, 0);
    await server.connect().remove(['k']);
    await clock.advance(60_000);
    assert.equal(cache.stats().violations, violations);
    assert.equal(cache.peek('k'), undefined);
    assert.equal(cache.peek('other')?.value, 'kept');
    await cache.close();
  });
}
