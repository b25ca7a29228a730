/** Every store of counts against the one contract: on real servers, in memory, and at the end of a line between processes. */
import { createRedisCounters } from '../../src/drivers/redis-counters.ts';
import { MemoryCounterStore } from '../../src/drivers/memory-counter-store.ts';
import { remoteCounterStore, serveCounterStore } from '../../src/drivers/remote-counter-store.ts';
import { startRedis, startRedisCluster } from '../servers/index.ts';
import { describeCounterStore, type OpenStore } from './counter-store-contract.ts';

function redisStore(url: string | string[], stop: () => Promise<void>): OpenStore {
  const store = createRedisCounters({ url, heartbeat: '100ms' });
  return {
    store,
    close: async () => {
      await store.close();
      await stop();
    },
  };
}

describeCounterStore('one Redis', async () => {
  const redis = await startRedis();
  return redisStore(redis.url, () => redis.stop());
});

describeCounterStore('a Redis Cluster', async () => {
  const cluster = await startRedisCluster(3);
  return redisStore([...cluster.urls], () => cluster.stop());
});

describeCounterStore('memory', async () => {
  const store = new MemoryCounterStore().connect();
  return { store, close: () => store.close() };
});

describeCounterStore("the primary's memory, over a line", async () => {
  const { worker } = machine();
  const store = worker(1);
  return { store, close: () => store.close() };
});

/** A primary and its workers in one process; what they say is cloned as between processes. */
function machine() {
  const memory = new MemoryCounterStore();
  let perform: (payload: unknown, workerId: number) => unknown = () => undefined;
  serveCounterStore(() => memory.connect(), { answer: (_, fn) => (perform = fn) });
  return {
    worker: (id: number) =>
      remoteCounterStore({
        ask: async (_, payload) => structuredClone(await perform(structuredClone(payload), id)),
      }),
  };
}
