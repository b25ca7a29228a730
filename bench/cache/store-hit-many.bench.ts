import KeyvRedis from '@keyv/redis';
import { createCache as createCacheManager } from 'cache-manager';
import { Keyv } from 'keyv';
import { createClient } from 'redis';
import { createCache } from '../../src/cache/index.ts';
import { createRedisKvStore } from '../../src/drivers/redis-kv-store.ts';
import { startRedis } from '../../test/servers/index.ts';
import { defineBench, type Contender } from '../harness/index.ts';

const KEYS = 1000;
const AT_ONCE = 50;
const IN_FLIGHT = 4;
const keys = Array.from({ length: KEYS }, (_, at) => `user:${at}`);
const value = { id: 1, name: 'Ada', email: 'ada@example.com', roles: ['admin', 'editor'] };

interface Reads {
  fill(): Promise<unknown>;
  getMany(keys: string[]): Promise<readonly unknown[]>;
  close(): Promise<unknown> | void;
}

/** `IN_FLIGHT` readers, each reading 50 neighbouring keys at a time. */
function reading(open: (url: string) => Promise<Reads>): Contender {
  return {
    kind: 'operation',
    prepare: async () => {
      const redis = await startRedis();
      const { fill, getMany, close } = await open(redis.url);
      await fill();
      let from = 0;
      const readSome = async (): Promise<void> => {
        from = (from + AT_ONCE) % KEYS;
        const found = await getMany(keys.slice(from, from + AT_ONCE));
        if (found.length !== AT_ONCE || found.some((each) => each == null)) throw new Error('a miss');
      };
      return {
        run: async (count) => {
          let left = count;
          const reader = async (): Promise<void> => {
            while (left-- > 0) await readSome();
          };
          await Promise.all(Array.from({ length: IN_FLIGHT }, reader));
        },
        close: async () => {
          await close();
          await redis.stop();
        },
      };
    },
  };
}

export default defineBench({
  name: 'cache/store-hit-many',
  title: 'Fifty hits in Redis at once',
  what: `getMany of ${AT_ONCE} small values from one Redis on the same machine, ${IN_FLIGHT} at a time; memory tiers are left out, or hold one entry. All but the bare store give parsed values. Only the process’s own CPU time counts.`,
  unit: 'getMany',
  baseline: 'node-redis MGET, JSON',
  contenders: {
    'spillway cache': reading(async (url) => {
      const cache = createCache({ redis: url, memory: { maxEntries: 1 }, storeTimeout: '10s' });
      await cache.ready();
      return {
        fill: () => cache.setMany(Object.fromEntries(keys.map((key) => [key, value])), { ttl: '1h' }),
        getMany: (wanted) => cache.getMany(wanted),
        close: () => cache.close(),
      };
    }),
    'spillway store': reading(async (url) => {
      const store = createRedisKvStore({ target: url, prefix: 'b:', timeoutMs: 10_000 });
      const bytes = Buffer.from(JSON.stringify(value));
      const stored = { storedMs: 1, freshUntilMs: 1e15, bytes };
      return {
        fill: () => store.put(keys.map((key) => ({ key, value: stored, keepMs: 3_600_000 }))),
        getMany: (wanted) => store.getMany(wanted),
        close: () => store.close(),
      };
    }),
    'node-redis MGET, JSON': reading(async (url) => {
      const client = await createClient({ url }).connect();
      return {
        fill: () => Promise.all(keys.map((key) => client.set(key, JSON.stringify(value)))),
        getMany: async (wanted) => (await client.mGet(wanted)).map((text) => JSON.parse(text!) as unknown),
        close: () => client.destroy(),
      };
    }),
    'cache-manager mget': reading(async (url) => {
      const store = new Keyv({ store: new KeyvRedis(url) });
      const cache = createCacheManager({ stores: [store] });
      return {
        fill: () => Promise.all(keys.map((key) => cache.set(key, value, 3_600_000))),
        getMany: (wanted) => cache.mget(wanted),
        close: () => store.disconnect(),
      };
    }),
    'Keyv getMany': reading(async (url) => {
      const store = new Keyv({ store: new KeyvRedis(url) });
      return {
        fill: () => Promise.all(keys.map((key) => store.set(key, value, 3_600_000))),
        getMany: (wanted) => store.getMany(wanted),
        close: () => store.disconnect(),
      };
    }),
  },
});
