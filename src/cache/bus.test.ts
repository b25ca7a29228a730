import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedClock } from '../kernel/index.ts';
import type { Bus } from '../ports/index.ts';
import { createCache } from './index.ts';

/** Buses of several workers, each hearing the others. */
function workers(count: number): { buses: Bus[]; loseMessages: () => void; reportGap: () => void } {
  const listeners = Array.from({ length: count }, () => new Set<(message: string) => void>());
  const gaps = new Set<() => void>();
  let losing = false;
  const bus = (own: number): Bus => ({
    publish: async (_channel, message) => {
      if (!losing) for (const [at, set] of listeners.entries()) if (at !== own) for (const listener of set) listener(message);
      return { acknowledged: count - 1, missing: 0 };
    },
    subscribe: (_channel, listener) => {
      listeners[own]!.add(listener);
      return () => void listeners[own]!.delete(listener);
    },
    onGap: (listener) => {
      gaps.add(listener);
      return () => void gaps.delete(listener);
    },
    close: async () => {},
  });
  return {
    buses: listeners.map((_, at) => bus(at)),
    loseMessages: () => (losing = true),
    reportGap: () => gaps.forEach((listener) => listener()),
  };
}

test('workers without a store hear of every kind of invalidation', async () => {
  const clock = new SimulatedClock();
  const [here, there] = workers(2).buses.map((bus) => createCache({ bus, grace: '1h' }, { clock })) as [
    ReturnType<typeof createCache>,
    ReturnType<typeof createCache>,
  ];
  const fill = () => there.set('user:1', 'old', { tags: ['users'] });

  await fill();
  await here.delete('user:1');
  assert.equal(there.peek('user:1'), undefined);
  await fill();
  await here.set('user:1', 'new');
  assert.equal(there.peek('user:1'), undefined);
  assert.equal(here.peek('user:1')?.value, 'new');
  await fill();
  await here.deletePattern('user:*');
  assert.equal(there.peek('user:1'), undefined);
  await fill();
  await here.invalidateTags(['users'], { soft: true });
  assert.ok(there.peek('user:1')!.freshUntilMs <= clock.now());
  await here.invalidateTags(['users']);
  assert.equal(there.peek('user:1'), undefined);
  await fill();
  await here.expire('user:1');
  assert.ok(there.peek('user:1')!.freshUntilMs <= clock.now());
  await here.clear();
  assert.equal(there.peek('user:1'), undefined);
});

test("a load is overtaken by another worker's invalidation", async () => {
  const [here, there] = workers(2).buses.map((bus) => createCache({ bus })) as [
    ReturnType<typeof createCache>,
    ReturnType<typeof createCache>,
  ];
  const lease = await here.begin('k', { tags: ['t'] });
  assert.ok(lease.role === 'leader');
  await there.delete('k');
  assert.ok(lease.signal.aborted);
  assert.equal(await lease.commit('old', {}), false);
});

test('after a gap nothing is trusted', async () => {
  const fleet = workers(2);
  const [here, there] = fleet.buses.map((bus) => createCache({ bus })) as [
    ReturnType<typeof createCache>,
    ReturnType<typeof createCache>,
  ];
  await there.set('k', 'old');
  fleet.loseMessages();
  await here.delete('k');
  assert.equal(there.peek('k')?.value, 'old', 'the message was lost');
  fleet.reportGap();
  assert.equal(there.peek('k'), undefined);
  assert.equal(there.stats().memory.entries, 0);
});
