/** The port's contract on a real Redis and on a real cluster of three masters. */
import { after, afterEach, before, suite, test } from 'node:test';
import { createRedisKvStore } from '../../src/drivers/redis-kv-store.ts';
import type { RedisTarget } from '../../src/drivers/redis-link.ts';
import { systemClock } from '../../src/kernel/index.ts';
import type { KvStore } from '../../src/ports/index.ts';
import { KV_STORE_CONTRACT } from '../../src/testing/index.ts';
import { eventually, startRedis, startRedisCluster } from '../servers/index.ts';

interface Servers {
  readonly target: RedisTarget;
  stop(): Promise<void>;
}

const SERVERS: Readonly<Record<string, () => Promise<Servers>>> = {
  'one Redis': async () => {
    const { url, stop } = await startRedis();
    return { target: url, stop };
  },
  'a cluster of three masters': async () => {
    const { urls, stop } = await startRedisCluster(3);
    return { target: urls, stop };
  },
};

const WAYS = Object.entries(SERVERS).flatMap(([title, start]) =>
  (['tracking', 'pubsub'] as const).map((coherence) => ({ title: `${title}, ${coherence}`, start, coherence })),
);

for (const { title, start, coherence } of WAYS) {
  suite(title, () => {
    let servers: Servers;
    let open: KvStore[] = [];

    before(async () => (servers = await start()));
    afterEach(async () => {
      await Promise.all(open.map((store) => store.close()));
      open = [];
    });
    after(() => servers.stop());

    for (const { title: promise, run } of KV_STORE_CONTRACT) {
      test(promise, () =>
        run({
          clock: systemClock,
          connect: async () => {
            const store = createRedisKvStore({ target: servers.target, prefix: 'contract:', timeoutMs: 5000, coherence });
            open.push(store);
            await store.ping();
            return store;
          },
          until: (what, condition) => eventually(what, condition),
        }),
      );
    }
  });
}
