/** The cache on a real Redis Cluster of three masters: failover by death and by order, slot migration, a frozen master. */
import assert from 'node:assert/strict';
import { after, afterEach, before, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createCache, type Cache, type CacheOptions } from '../../src/cache/index.ts';
import { eventually, redisCli, startRedisCluster, type RedisCluster, type RedisServer } from '../servers/index.ts';

/** Who has which slots, in the eyes of one node. */
function slotsAsSeenBy({ port }: RedisServer): string {
  const lines = redisCli(port, ['cluster', 'nodes'])
    .split('\n')
    .filter((line) => line.includes('master'));
  return lines
    .map((line) => line.replace(/^(\w+) .* connected ?(.*)$/, '$1 $2'))
    .toSorted()
    .join('; ');
}

for (const coherence of ['tracking', 'pubsub'] as const) {
  suite(`coherence by ${coherence}`, () => {
    let cluster: RedisCluster;
    let open: Cache[] = [];
    let names = 0;

    before(async () => (cluster = await startRedisCluster(3, 1)));
    afterEach(async () => {
      await Promise.all(open.map((cache) => cache.close()));
      open = [];
    });
    after(() => cluster.stop());

    async function fleet(count: number, options: CacheOptions = {}): Promise<Cache[]> {
      const name = `c${++names}`;
      const made = Array.from({ length: count }, () =>
        createCache({ redis: cluster.urls, storeTimeout: '500ms', maxStaleness: '1s', name, coherence, ...options }),
      );
      open.push(...made);
      for (const cache of made) assert.ok(await cache.ready());
      return made;
    }

    const keys = Array.from({ length: 60 }, (_, at) => `user:${at}`);

    test('values, tags, patterns and leases work across slots', async () => {
      const [a, b] = (await fleet(2)) as [Cache, Cache];
      await a.setMany(Object.fromEntries(keys.map((key) => [key, key])), { tags: ['users'] });
      assert.deepEqual(await b.getMany(keys), keys);
      await a.invalidateTags(['users']);
      await eventually('b has heard', () => keys.every((key) => b.peek(key) === undefined));
      assert.deepEqual(
        await b.getMany(keys),
        keys.map(() => undefined),
      );
      await a.setMany(Object.fromEntries(keys.map((key) => [key, key])));
      assert.deepEqual(await b.getMany(keys), keys);
      assert.equal(await a.deletePattern('user:1*'), 11);
      await eventually('b has heard of the pattern', () => b.peek('user:1') === undefined);
      assert.equal(await b.get('user:2'), 'user:2');
      let loads = 0;
      await Promise.all(keys.flatMap((key) => [a, b].map((cache) => cache.getOrSet(`load:${key}`, async () => ++loads))));
      assert.equal(loads, keys.length);
    });

    test('a slot is on its way to another master: values on either side are read together', async () => {
      const [a, b] = (await fleet(2)) as [Cache, Cache];
      const many = Array.from({ length: 200 }, (_, at) => `user:${at}`);
      await a.setMany(Object.fromEntries(many.map((key) => [key, key])));
      const masters = cluster.nodes.filter((node) => redisCli(node.port, ['role']).startsWith('master'));
      const [from, to] = masters as [RedisServer, RedisServer];
      const idOf = (node: RedisServer): string => redisCli(node.port, ['cluster', 'myid']).trim();
      const values = redisCli(from.port, ['keys', `spillway:c${names}:d:*`])
        .trim()
        .split('\n');
      const laneOf = (each: string): string => each.slice(0, each.indexOf('}'));
      const name = values.find((each) => values.some((other) => other !== each && laneOf(other) === laneOf(each)))!;
      const slot = redisCli(from.port, ['cluster', 'keyslot', name]).trim();
      const inSlot = redisCli(from.port, ['cluster', 'getkeysinslot', slot, '1000']).trim().split('\n');
      const move = (key: string): string => redisCli(from.port, ['migrate', '127.0.0.1', String(to.port), key, '0', '1000']);
      redisCli(to.port, ['cluster', 'setslot', slot, 'importing', idOf(from)]);
      redisCli(from.port, ['cluster', 'setslot', slot, 'migrating', idOf(to)]);
      move(name);
      assert.deepEqual(await b.getMany(many), many);
      for (const key of inSlot) if (key !== name) move(key);
      for (const node of [to, from, ...masters.slice(2)]) redisCli(node.port, ['cluster', 'setslot', slot, 'node', idOf(to)]);
      await eventually('every node knows of the move', () => new Set(cluster.nodes.map(slotsAsSeenBy)).size === 1, 30_000);
      await a.deleteMany(many);
      await eventually('b finds none of them', async () => (await b.getMany(many)).every((value) => value === undefined));
    });

    test('an invalidation during a load holds, on every slot', async () => {
      const [a, b] = (await fleet(2)) as [Cache, Cache];
      for (const key of keys) {
        const gate = Promise.withResolvers<string>();
        const started = Promise.withResolvers<void>();
        const before = a.getOrSet(key, () => (started.resolve(), gate.promise), { tags: ['t'] });
        await started.promise;
        await (Number(key.slice(5)) % 2 ? b.delete(key) : b.invalidateTags(['t']));
        gate.resolve('old');
        assert.equal(await before, 'old');
        assert.notEqual(await b.get(key), 'old');
        assert.equal(await a.getOrSet(key, () => 'new', { tags: ['t'] }), 'new');
      }
    });

    test('a slot moves to another master: copies in memory do not outlive what was changed there', async () => {
      const [a, b] = (await fleet(2)) as [Cache, Cache];
      await a.setMany(Object.fromEntries(keys.map((key) => [key, 'old'])));
      await b.getMany(keys);
      const ids = cluster.nodes.map((node) => redisCli(node.port, ['cluster', 'myid']).trim());
      redisCli(cluster.nodes[0]!.port, [
        '--cluster',
        'reshard',
        `127.0.0.1:${cluster.nodes[0]!.port}`,
        '--cluster-from',
        ids[0]!,
        '--cluster-to',
        ids[1]!,
        '--cluster-slots',
        '200',
        '--cluster-yes',
      ]);
      await Promise.all(keys.map((key) => a.delete(key)));
      await eventually('b serves none of them', async () => (await b.getMany(keys)).every((value) => value === undefined));
      // A replica that took over before it has heard of the move would give the slots up: that is Redis' own affair.
      await eventually('every node knows of the move', () => new Set(cluster.nodes.map(slotsAsSeenBy)).size === 1, 30_000);
      await a.setMany(Object.fromEntries(keys.map((key) => [key, 'new'])));
      await eventually('b has them all', async () => (await b.getMany(keys)).every((value) => value === 'new'));
    });

    test('a master is frozen until its replica takes over: every key is answered, and what was invalidated meanwhile holds', async () => {
      const [a, b] = (await fleet(2)) as [Cache, Cache];
      await a.setMany(Object.fromEntries(keys.map((key) => [key, 'old'])));
      assert.deepEqual(
        await b.getMany(keys),
        keys.map(() => 'old'),
      );
      const { process } = cluster.nodes[1]!;
      process.freeze();
      try {
        await Promise.all(keys.map((key) => a.delete(key)));
        const values = await Promise.all(keys.map((key) => a.getOrSet(`${key}:cold`, () => 'loaded')));
        assert.ok(values.every((value) => value === 'loaded'));
        const others = cluster.nodes.filter((node) => node.process !== process);
        const masters = (): number => others.filter((node) => redisCli(node.port, ['role']).startsWith('master')).length;
        await eventually('its replica takes over', () => masters() === 3, 30_000);
      } finally {
        process.thaw();
      }
      await eventually('what it owed is made good', () => a.stats().store!.owed === 0, 30_000);
      await eventually('b serves none of them', async () => (await b.getMany(keys)).every((value) => value !== 'old'), 30_000);
    });

    test('a replica is told to take over: nothing old is served, and invalidations are heard from then on', async () => {
      const [a, b] = (await fleet(2)) as [Cache, Cache];
      await a.setMany(Object.fromEntries(keys.map((key) => [key, 'old'])));
      await b.getMany(keys);
      const isReplicaInStep = (node: RedisServer): boolean => /^slave[^]*\nconnected\n/.test(redisCli(node.port, ['role']));
      await eventually('a replica is in step', () => cluster.nodes.some(isReplicaInStep), 30_000);
      const replica = cluster.nodes.find(isReplicaInStep)!;
      const takesOver = async (): Promise<boolean> => {
        if (redisCli(replica.port, ['role']).startsWith('master')) return true;
        redisCli(replica.port, ['cluster', 'failover']);
        // Asked again it would begin anew: it is given the time to come to an end.
        await delay(500);
        return false;
      };
      await eventually('it takes over', takesOver, 30_000);
      await Promise.all(keys.map((key) => a.delete(key)));
      await eventually('what is owed is made good', () => a.stats().store!.owed === 0, 30_000);
      await eventually('b serves none of them', async () => (await b.getMany(keys)).every((value) => value !== 'old'), 30_000);
      await a.setMany(Object.fromEntries(keys.map((key) => [key, 'new'])));
      await eventually('b has them all', async () => (await b.getMany(keys)).every((value) => value === 'new'), 30_000);
    });

    test('a master dies and its replica takes over: nothing old is served, and sharing goes on', async () => {
      const [a, b] = (await fleet(2)) as [Cache, Cache];
      await a.setMany(Object.fromEntries(keys.map((key) => [key, 'old'])));
      await b.getMany(keys);
      const master = cluster.nodes.find((node) => redisCli(node.port, ['role']).startsWith('master'))!;
      await master.process.kill();
      const values = await Promise.all(keys.map((key) => b.getOrSet(key, () => 'loaded')));
      assert.ok(values.every((value) => value === 'old' || value === 'loaded'));
      await eventually(
        'every key is shared again',
        async () => {
          await a.setMany(Object.fromEntries(keys.map((key) => [key, 'after'])));
          return (await b.getMany(keys)).every((value) => value === 'after');
        },
        30_000,
      );
    });
  });
}
