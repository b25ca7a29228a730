/** The ways to a Redis that is not open to everyone: TLS, a user with few rights, a client the user made. */
import assert from 'node:assert/strict';
import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, suite, test } from 'node:test';
import { createClient, createCluster } from 'redis';
import { createCache, type Cache, type CacheOptions } from '../../src/cache/index.ts';
import { createRedisKvStore } from '../../src/drivers/redis-kv-store.ts';
import type { RedisTarget } from '../../src/drivers/redis-link.ts';
import { systemClock } from '../../src/kernel/index.ts';
import { KV_STORE_CONTRACT } from '../../src/testing/index.ts';
import { eventually, freePort, redisCli, startRedis, startRedisCluster, type RedisServer } from '../servers/index.ts';
import type { FromProcess, ToProcess } from './cache-process.ts';

let open: { close(): Promise<void> | void }[] = [];
afterEach(async () => {
  for (const each of open) await each.close();
  open = [];
});

function cacheAt(redis: RedisTarget, options: CacheOptions = {}): Cache {
  const cache = createCache({ redis, storeTimeout: '5s', ...options });
  open.push(cache);
  return cache;
}

suite('TLS with a certificate of our own', () => {
  let redis: RedisServer;
  let folder: string;
  let url: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'spillway-tls-'));
    const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
    const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
    execFileSync('openssl', [...request, '-keyout', key, '-out', certificate, ...subject], { stdio: 'ignore' });
    const port = await freePort();
    const files = ['--tls-cert-file', certificate, '--tls-key-file', key, '--tls-ca-cert-file', certificate];
    redis = await startRedis(['--tls-port', String(port), '--tls-auth-clients', 'no', ...files]);
    url = `rediss://127.0.0.1:${port}`;
  });
  after(async () => {
    await redis.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const coherence of ['tracking', 'pubsub'] as const) {
    test(`a client that knows the certificate, coherence by ${coherence}`, async () => {
      const socket = { tls: true, ca: readFileSync(join(folder, 'certificate.pem')) } as const;
      const [a, b] = [1, 2].map(() => cacheAt(createClient({ url, socket }), { coherence, name: coherence }));
      assert.ok((await a!.ready()) && (await b!.ready()));
      await a!.set('k', 'value');
      assert.equal(await b!.get('k'), 'value');
      await a!.delete('k');
      await eventually('the other one hears', () => b!.peek('k') === undefined);
    });
  }

  test('a URL, in a process that trusts the certificate', async () => {
    const options: CacheOptions = { redis: url, storeTimeout: '5s', name: 'by-url' };
    const child = fork(join(import.meta.dirname, 'cache-process.ts'), [JSON.stringify(options)], {
      execArgv: ['--conditions=source'],
      env: { ...process.env, NODE_EXTRA_CA_CERTS: join(folder, 'certificate.pem') },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    open.push({ close: () => void child.kill('SIGKILL') });
    child.on('message', (message: FromProcess) => {
      if (message.kind === 'load') child.send({ kind: 'loaded', id: message.id, value: 'loaded' } satisfies ToProcess);
    });
    await once(child, 'message');
    child.send({ kind: 'ask', id: 1, key: 'k', times: 1 } satisfies ToProcess);
    await eventually('it is in Redis', () => redisCli(redis.port, ['exists', 'spillway:by-url:d:{k}']).trim() === '1');
  });

  test('a URL, in a process that does not: nothing is sent, and the cache works in memory', async () => {
    const cache = cacheAt(url, { name: 'untrusted', storeTimeout: '100ms' });
    assert.equal(await cache.ready('1s'), false);
    assert.equal(await cache.getOrSet('k', () => 'loaded'), 'loaded');
    assert.equal(await cache.getOrSet('k', () => 'again'), 'loaded');
    assert.equal(redisCli(redis.port, ['keys', 'spillway:untrusted:*']).trim(), '');
  });
});

/** The line the documentation tells operators to use. */
function documentedRights(): string[] {
  const page = readFileSync(join(import.meta.dirname, '../../docs/rooms/cache.md'), 'utf8');
  const line = /^ACL SETUSER (spillway .*)$/m.exec(page)!;
  return ['acl', 'setuser', ...line[1]!.split(' ')];
}

for (const [title, start] of Object.entries({
  'one Redis': async () => {
    const server = await startRedis();
    return { ports: [server.port], urls: server.url, stop: server.stop };
  },
  'a cluster': async () => {
    const cluster = await startRedisCluster(3);
    return { ports: cluster.nodes.map((node) => node.port), urls: cluster.urls, stop: cluster.stop };
  },
})) {
  suite(`the documented rights on ${title}`, () => {
    let target: string | string[];
    let stop: () => Promise<void>;

    before(async () => {
      const servers = await start();
      stop = servers.stop;
      for (const port of servers.ports) assert.equal(redisCli(port, documentedRights()).trim(), 'OK');
      const asUser = (url: string): string => url.replace('//', '//spillway:secret@');
      target = typeof servers.urls === 'string' ? asUser(servers.urls) : servers.urls.map(asUser);
    });
    after(() => stop());

    for (const coherence of ['tracking', 'pubsub'] as const) {
      for (const { title: promise, run } of KV_STORE_CONTRACT) {
        test(`${coherence}: ${promise}`, () =>
          run({
            clock: systemClock,
            connect: async () => {
              const store = createRedisKvStore({ target, prefix: `spillway:${coherence}:`, timeoutMs: 5000, coherence });
              open.push(store);
              await store.ping();
              return store;
            },
            until: (what, condition) => eventually(what, condition),
          }));
      }
    }
  });
}

suite('a client the user made', () => {
  let redis: RedisServer;

  before(async () => (redis = await startRedis()));
  after(() => redis.stop());

  test('its settings are copied, and it is not used itself', async () => {
    const client = createClient({ url: redis.url, database: 3 });
    const cache = cacheAt(client);
    assert.ok(await cache.ready());
    await cache.set('k', 'value');
    assert.equal(redisCli(redis.port, ['-n', '3', 'exists', 'spillway:default:d:{k}']).trim(), '1');
    assert.equal(redisCli(redis.port, ['exists', 'spillway:default:d:{k}']).trim(), '0');
    assert.equal(client.isOpen, false);
    const other = cacheAt(client, { coherence: 'pubsub' });
    assert.equal(await other.get('k'), 'value');
    await cache.delete('k');
    await eventually('it hears', () => other.peek('k') === undefined);
  });

  test('closing the cache leaves it open, and closing it leaves the cache working', async () => {
    const client = await createClient({ url: redis.url }).connect();
    const [first, second] = [cacheAt(client), cacheAt(client)];
    await first.set('k', 'value');
    await first.close();
    assert.equal(await client.ping(), 'PONG');
    client.destroy();
    assert.equal(await second.get('k'), 'value');
  });

  test('a cluster client', async () => {
    const cluster = await startRedisCluster(3);
    try {
      const client = createCluster({ rootNodes: cluster.urls.map((url) => ({ url })) });
      for (const coherence of ['tracking', 'pubsub'] as const) {
        const [a, b] = [1, 2].map(() => cacheAt(client, { coherence, name: coherence }));
        assert.ok((await a!.ready()) && (await b!.ready()));
        const keys = Array.from({ length: 30 }, (_, at) => `k${at}`);
        await a!.setMany(Object.fromEntries(keys.map((key) => [key, key])));
        assert.deepEqual(await b!.getMany(keys), keys);
        await Promise.all(keys.map((key) => a!.delete(key)));
        await eventually('the other one hears of all', () => keys.every((key) => b!.peek(key) === undefined));
      }
    } finally {
      for (const each of open) await each.close();
      open = [];
      await cluster.stop();
    }
  });
});
