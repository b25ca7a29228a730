import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryKvStore } from '../drivers/memory-kv-store.ts';
import { SimulatedClock } from '../kernel/index.ts';
import type { KvStore, StoreListener } from '../ports/index.ts';
import { createCache } from './index.ts';

/** A store whose messages can be made to come in the same turn as the answer to `acquire`, before it is looked at. */
function withMessage(inner: KvStore, message: (listener: StoreListener) => void): KvStore {
  let heard: StoreListener | undefined;
  const told = new Proxy(inner, {
    get(target, name) {
      if (name === 'watch') {
        return (listener: StoreListener, maxStalenessMs: number) => target.watch((heard = listener), maxStalenessMs);
      }
      if (name === 'acquire') {
        return async (...args: Parameters<KvStore['acquire']>) => {
          const acquisition = await target.acquire(...args);
          if (acquisition.outcome === 'held') message(heard!);
          return acquisition;
        };
      }
      const member = target[name as keyof KvStore];
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
  return told;
}

for (const [what, message] of Object.entries({
  'has stored': (listener: StoreListener) => listener.onValue('k'),
  'has given up': (listener: StoreListener) => listener.onAbandoned('k'),
})) {
  test(`the news that the holder ${what} is not lost when it comes with the answer that there is one`, async () => {
    const clock = new SimulatedClock();
    const server = new MemoryKvStore({}, { clock });
    const holder = server.connect();
    assert.equal((await holder.acquire('k', 'other', 60_000, 0)).outcome, 'granted');
    const store = withMessage(server.connect(), (listener) => {
      message(listener);
      void holder.abandon('k', 'other');
    });
    const cache = createCache({ store }, { clock });
    let value: unknown;
    void cache.getOrSet('k', () => 'mine').then((got) => (value = got));
    await clock.advance(1000);
    assert.equal(value, 'mine', 'it did not wait for the lease to run out');
    await cache.close();
  });
}
