/** What only the Redis driver has to do, against real servers. */
import { test } from 'node:test';
import { createRedisCounters } from '../../src/drivers/redis-counters.ts';
import type { TakeAnswer } from '../../src/ports/index.ts';
import { eventually, startRedis } from '../servers/index.ts';
import { sliding } from './counter-store-contract.ts';

test('the number of processes that use a store is known to each', async () => {
  const redis = await startRedis();
  const stores = [1, 2, 3].map(() => createRedisCounters({ url: redis.url, heartbeat: '100ms' }));
  await eventually('each knows of three', () => stores.every((store) => store.instances === 3));
  await stores[0]!.close();
  await eventually('the others know that it is gone', () => stores[1]!.instances === 2);
  await Promise.all(stores.map((store) => store.close()));
  await redis.stop();
});

test('a script that Redis has forgotten is sent again', async () => {
  const redis = await startRedis();
  const counters = createRedisCounters({ url: redis.url });
  await eventually('connected', () =>
    counters.ping().then(
      () => true,
      () => false,
    ),
  );
  const limits = [sliding(5)];
  const take = (): Promise<TakeAnswer> =>
    counters.take({ groups: [{ key: 'k', limits }], cost: 1, atLeast: 1, leaseMs: 0, force: false });
  await take();
  await redis.restart();
  await eventually('it counts again', () =>
    take().then(
      (answer) => answer.allowed,
      () => false,
    ),
  );
  await counters.close();
  await redis.stop();
});
