/** Numbered announcements on a real Redis that does not track: lost, late and repeated ones, and a server that forgets. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { createClient, type RedisClientType } from 'redis';
import { Announcements, type LaneNumber } from '../../src/drivers/redis-announcements.ts';
import { createRedisKvStore, type RedisKvStoreOptions } from '../../src/drivers/redis-kv-store.ts';
import type { KvStore, StoreListener, StoreWatch } from '../../src/ports/index.ts';
import { Deadlines } from '../../src/drivers/deadlines.ts';
import { systemClock } from '../../src/kernel/index.ts';
import { eventually, redisCli, startRedis, startRedisCluster, type RedisServer } from '../servers/index.ts';

let redis: RedisServer;
let open: { close(): Promise<void> | void }[] = [];

before(async () => (redis = await startRedis()));
afterEach(async () => {
  for (const each of open) await each.close();
  open = [];
  redisCli(redis.port, ['flushall']);
});
after(() => redis.stop());

class Heard implements StoreListener {
  readonly values: string[] = [];
  gaps = 0;
  onValue = (key: string): void => void this.values.push(key);
  onTag = (): void => {};
  onPattern = (): void => {};
  onAbandoned = (): void => {};
  onGap = (): void => void this.gaps++;
}

function storeWith(options: Partial<RedisKvStoreOptions> = {}): KvStore {
  const store = createRedisKvStore({ target: redis.url, prefix: 'a:', coherence: 'pubsub', timeoutMs: 1500, ...options });
  open.push(store);
  return store;
}

async function listening(store: KvStore): Promise<{ heard: Heard; watch: StoreWatch }> {
  const heard = new Heard();
  const watch = store.watch(heard, 400);
  await eventually('the watch proves', () => watch.provenMs > -Infinity);
  heard.gaps = 0;
  return { heard, watch };
}

/** Publishes as the scripts do, outside of them. */
async function voice(): Promise<{ say(number: number, name: string): Promise<unknown>; client: RedisClientType }> {
  const client: RedisClientType = createClient({ url: redis.url });
  await client.connect();
  open.push({ close: () => client.destroy() });
  const epoch = await client.hGet('a:s:', 'epoch');
  return { client, say: (number, name) => client.publish('a:s:', `${epoch} ${number} someone a:d:{${name}}`) };
}

/** Numbers a change that nobody is told of. */
const lose = (client: RedisClientType): Promise<number> => client.hIncrBy('a:s:', 'count', 1);

test('what an announcement says', async () => {
  await listening(storeWith());
  const { client } = await voice();
  const listener = client.duplicate();
  await listener.connect();
  open.push({ close: () => listener.destroy() });
  const said: string[] = [];
  await listener.subscribe('a:s:', (message) => void said.push(message));
  const store = storeWith();
  await store.remove(['user:{1}']);
  await store.bump(['a tag'], true);
  await store.removeMatching('user:*');
  await eventually('three are heard', () => said.length === 3);
  const epoch = await client.hGet('a:s:', 'epoch');
  const sender = said[0]!.split(' ')[2]!;
  assert.match(sender, /^[0-9a-f-]{36}$/);
  const names = ['a:d:{user:%7B1%7D}', 'a:t:{a tag}', 'a:p:{user:*}'];
  assert.deepEqual(
    said,
    names.map((name, at) => `${epoch} ${at + 1} ${sender} ${name}`),
  );
  assert.deepEqual({ ...(await client.hGetAll('a:s:')) }, { epoch, publish: 'PUBLISH', count: '3' });
});

test('the next announcement shows that one was lost', async () => {
  const { heard } = await listening(storeWith());
  const { client, say } = await voice();
  await lose(client);
  await lose(client);
  await say(2, 'second');
  await eventually('the second is heard', () => heard.values.includes('second'));
  assert.equal(heard.gaps, 1);
});

test('a lost announcement is noticed although none follows', async () => {
  const { heard, watch } = await listening(storeWith());
  const { client } = await voice();
  await lose(client);
  const lostMs = performance.now();
  await eventually('the gap is told', () => heard.gaps === 1);
  await eventually('and then all is proven again', () => watch.provenMs > lostMs);
  assert.equal(heard.gaps, 1);
});

test('announcements out of order and repeated: a gap at the first, and every one is passed on', async () => {
  const { heard, watch } = await listening(storeWith());
  const { client, say } = await voice();
  for (let at = 0; at < 4; at++) await lose(client);
  for (const [number, name] of [
    [1, 'a'],
    [3, 'c'],
    [2, 'b'],
    [2, 'b'],
    [4, 'd'],
  ] as const)
    await say(number, name);
  await eventually('all are heard', () => heard.values.length === 5);
  assert.deepEqual(heard.values, ['a', 'c', 'b', 'b', 'd']);
  assert.equal(heard.gaps, 1);
  const heardMs = performance.now();
  await eventually('all is proven', () => watch.provenMs > heardMs);
  assert.equal(heard.gaps, 1);
});

test('numbers that were lost with the server’s memory are a gap', async () => {
  const [a, b] = [storeWith(), storeWith()];
  const { heard, watch } = await listening(a);
  await b.remove(['before']);
  await eventually('it is heard', () => heard.values.includes('before'));
  assert.equal(heard.gaps, 0);
  redisCli(redis.port, ['flushall']);
  await eventually('the gap is told', () => heard.gaps > 0);
  await eventually('and then all is proven again', () => watch.provenMs > -Infinity);
  await b.remove(['after']);
  await eventually('changes are heard again', () => heard.values.includes('after'));
});

test('numbers that go back, as after a takeover by a replica that lagged, are a gap', async () => {
  const [a, b] = [storeWith(), storeWith()];
  const { heard, watch } = await listening(a);
  for (let at = 0; at < 10; at++) await b.remove([`before:${at}`]);
  await eventually('all are heard', () => heard.values.length === 10);
  redisCli(redis.port, ['hset', 'a:s:', 'count', '4']);
  await eventually('the gap is told', () => heard.gaps === 1);
  const toldMs = performance.now();
  await eventually('and then all is proven again', () => watch.provenMs > toldMs);
  await b.remove(['after']);
  await eventually('changes are heard', () => heard.values.includes('after'));
  assert.equal(heard.gaps, 1);
});

test('a cut subscriber connection: what was published meanwhile is a gap, and it listens again', async () => {
  const [a, b] = [storeWith(), storeWith()];
  const { heard } = await listening(a);
  for (let round = 0; round < 5; round++) {
    heard.gaps = 0;
    heard.values.length = 0;
    redisCli(redis.port, ['client', 'kill', 'type', 'pubsub']);
    const key = `cut:${round}`;
    await b.remove([key]);
    await eventually('it is heard, or known to be missed', () => heard.gaps > 0 || heard.values.includes(key));
    await eventually('changes are heard again', async () => {
      await b.remove(['again']);
      return heard.values.includes('again');
    });
  }
});

test('nobody listens: nothing is numbered', async () => {
  await storeWith().remove(['k']);
  assert.equal(redisCli(redis.port, ['exists', 'a:s:']).trim(), '0');
});

test('processes that are tracked and those that listen hear of each other', async () => {
  const [tracked, listens] = [storeWith({ coherence: 'tracking' }), storeWith()];
  const [one, two] = [await listening(tracked), await listening(listens)];
  await tracked.remove(['by the tracked']);
  await listens.remove(['by the listening']);
  await eventually(
    'both are told',
    () => two.heard.values.includes('by the tracked') && one.heard.values.includes('by the listening'),
  );
});

test('auto: a user who may not be tracked listens, from the start or later', async () => {
  const user = (...rules: string[]): string =>
    redisCli(redis.port, ['acl', 'setuser', 'app', 'on', '>secret', '~*', '&*', '+@all', ...rules]);
  user('-client|tracking');
  const url = redis.url.replace('//', '//app:secret@');
  const errors: unknown[] = [];
  const a = storeWith({ target: url, coherence: 'auto', onError: (error) => errors.push(error) });
  const { heard } = await listening(a);
  const b = storeWith({ coherence: 'auto' });
  await b.remove(['k']);
  await eventually('it is heard', () => heard.values.includes('k'));
  assert.match(String(errors[0]), /tracking/);
  user('+client|tracking');
  const late = storeWith({ target: url, coherence: 'auto' });
  const second = await listening(late);
  user('-client|tracking');
  redisCli(redis.port, ['client', 'kill', 'user', 'app']);
  await eventually('it listens from then on', async () => {
    await b.remove(['later']);
    return second.heard.values.includes('later') && redisCli(redis.port, ['pubsub', 'numsub', 'a:s:']).includes('2');
  });
});

test('sharded, on a cluster: a slot moves away with its lane, and its changes are heard again', async () => {
  const cluster = await startRedisCluster(3);
  try {
    const [a, b] = [storeWith({ target: cluster.urls }), storeWith({ target: cluster.urls })];
    const { heard, watch } = await listening(a);
    const keys = Array.from({ length: 300 }, (_, at) => `user:${at}`);
    const changesAreHeard = async (): Promise<void> => {
      heard.values.length = 0;
      await eventually('every change is heard', async () => {
        const missing = keys.filter((key) => !heard.values.includes(key));
        await b.remove(missing).catch(() => {});
        return missing.length === 0;
      });
    };
    await changesAreHeard();
    const ids = cluster.nodes.map((node) => redisCli(node.port, ['cluster', 'myid']).trim());
    const from = `127.0.0.1:${cluster.nodes[0]!.port}`;
    const move = ['--cluster-from', ids[0]!, '--cluster-to', ids[1]!, '--cluster-slots', '1000', '--cluster-yes'];
    redisCli(cluster.nodes[0]!.port, ['--cluster', 'reshard', from, ...move]);
    await changesAreHeard();
    const movedMs = performance.now();
    await eventually('all is proven again', () => watch.provenMs > movedMs);
  } finally {
    for (const each of open) await each.close();
    open = [];
    await cluster.stop();
  }
});

test('a lane whose subscription fails proves nothing', async () => {
  const number: LaneNumber = { epoch: 'e', count: 0 };
  const announcements = new Announcements({
    lanes: ['lane'],
    sender: 'me',
    listener: { onKey: () => {}, onGap: () => {} },
    subscribe: () => Promise.reject(new Error('no connection')),
    ask: async () => number,
    deadlines: new Deadlines(systemClock, 50, () => new Error('too late')),
  });
  await assert.rejects(announcements.prove(), /no connection/);
});
