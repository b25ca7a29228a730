import { BentoCache, bentostore } from 'bentocache';
import { redisDriver } from 'bentocache/drivers/redis';
import { createClient } from 'redis';
import { createCache } from '../../src/cache/index.ts';
import { createRedisKvStore } from '../../src/drivers/redis-kv-store.ts';
import { startRedis } from '../../test/servers/index.ts';
import { defineBench, type Operation } from '../harness/index.ts';

const KEYS = 1000;
const IN_FLIGHT = 64;
const keys = Array.from({ length: KEYS }, (_, at) => `user:${at}`);
const bytes = Buffer.from(JSON.stringify({ id: 1, name: 'Ada', email: 'ada@example.com', roles: ['admin', 'editor'] }));

/** `IN_FLIGHT` readers, each with one read under way. */
function reading(read: (key: string) => Promise<unknown>, close: () => Promise<void>): Operation {
  return {
    run: async (count) => {
      let at = 0;
      const reader = async (): Promise<void> => {
        while (at < count) if ((await read(keys[at++ % KEYS]!)) == null) throw new Error('a miss');
      };
      await Promise.all(Array.from({ length: IN_FLIGHT }, reader));
    },
    close,
  };
}

export default defineBench({
  name: 'cache/store-hit',
  title: 'A hit in Redis',
  what: '64 readers at once read small values from one Redis on the same machine; memory tiers are left out, or hold one entry. Only the process’s own CPU time counts, not that of Redis.',
  unit: 'read',
  baseline: 'node-redis GET',
  contenders: {
    'spillway store': {
      kind: 'operation',
      prepare: async () => {
        const redis = await startRedis();
        const store = createRedisKvStore({ target: redis.url, prefix: 'b:', timeoutMs: 10_000 });
        for (const key of keys) await store.put([{ key, value: { storedMs: 1, freshUntilMs: 1e15, bytes }, keepMs: 3_600_000 }]);
        return reading(
          (key) => store.get(key),
          async () => {
            await store.close();
            await redis.stop();
          },
        );
      },
    },
    'spillway cache': {
      kind: 'operation',
      prepare: async () => {
        const redis = await startRedis();
        const cache = createCache({ redis: redis.url, memory: { maxEntries: 1 }, storeTimeout: '10s' });
        await cache.ready();
        await cache.setMany(Object.fromEntries(keys.map((key) => [key, JSON.parse(String(bytes)) as unknown])), { ttl: '1h' });
        return reading(
          (key) => cache.get(key),
          async () => {
            await cache.close();
            await redis.stop();
          },
        );
      },
    },
    'node-redis GET': {
      kind: 'operation',
      prepare: async () => {
        const redis = await startRedis();
        const client = await createClient({ url: redis.url }).connect();
        for (const key of keys) await client.set(key, bytes);
        return reading(
          (key) => client.get(key),
          async () => {
            client.destroy();
            await redis.stop();
          },
        );
      },
    },
    'bentocache, Redis only': {
      kind: 'operation',
      prepare: async () => {
        const redis = await startRedis();
        const connection = { host: '127.0.0.1', port: redis.port };
        const cache = new BentoCache({
          default: 'redis',
          stores: { redis: bentostore().useL2Layer(redisDriver({ connection })) },
        });
        for (const key of keys) await cache.set({ key, value: JSON.parse(String(bytes)), ttl: '1h' });
        return reading(
          (key) => cache.get({ key }),
          async () => {
            await cache.disconnectAll();
            await redis.stop();
          },
        );
      },
    },
  },
});
