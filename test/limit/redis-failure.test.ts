/** Redis frozen, killed, slow and failing over, on purpose: decisions go on, within this process's share, and it heals. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createRedisCounters } from '../../src/drivers/redis-counters.ts';
import { createLimiter, type Decision, type Limiter } from '../../src/limit/index.ts';
import { eventually, startRedis, startRedisCluster } from '../servers/index.ts';
import { slowProxy } from './slow-proxy.ts';

const LIMIT = 40;
const INSTANCES = 4;

interface Running {
  readonly limiter: Limiter;
  /** Decisions about one key, one after the other, until `condition` holds. */
  decideUntil(what: string, condition: () => boolean): Promise<Decision[]>;
  readonly isUp: () => boolean;
  stop(): Promise<void>;
}

async function limiterOn(url: string | string[]): Promise<Running> {
  const store = createRedisCounters({ url });
  const limiter = createLimiter({ limit: LIMIT, window: '1m', store, instances: INSTANCES, by: 'everyone' });
  let isUp = true;
  limiter.events.on('storeDown', () => (isUp = false));
  limiter.events.on('storeUp', () => (isUp = true));
  await eventually('connected', async () => (await limiter.peek('warm')).reason === 'quota' && isUp);
  return {
    limiter,
    isUp: () => isUp,
    decideUntil: async (what, condition) => {
      const decisions: Decision[] = [];
      await eventually(what, async () => {
        decisions.push(await limiter.check('key'));
        return condition();
      });
      return decisions;
    },
    stop: async () => {
      limiter.close();
      await store.close();
    },
  };
}

const allowedOf = (decisions: readonly Decision[]): number => decisions.filter((decision) => decision.allowed).length;

async function decide(limiter: Limiter, times: number): Promise<Decision[]> {
  const decisions: Decision[] = [];
  for (let i = 0; i < times; i++) decisions.push(await limiter.check('key'));
  return decisions;
}

/** Where the key stands by the store's own word, which on a busy machine may miss its deadline at first. */
async function lookInStore(limiter: Limiter): Promise<Decision> {
  let look: Decision | undefined;
  await eventually('the store answers in time', async () => (look = await limiter.peek('key')).reason === 'quota');
  return look!;
}

test('a frozen Redis', async () => {
  const redis = await startRedis();
  const running = await limiterOn(redis.url);
  redis.process.freeze();
  const away = await running.decideUntil('it is noticed', () => !running.isUp());
  away.push(...(await decide(running.limiter, 100)));
  assert.equal(allowedOf(away), LIMIT / INSTANCES);
  redis.process.thaw();
  await eventually('it has healed', () => running.isUp());
  const look = await lookInStore(running.limiter);
  assert.equal(look.remaining, LIMIT - LIMIT / INSTANCES, 'what was let through meanwhile is counted');
  await running.stop();
  await redis.stop();
});

test('a killed Redis that comes back empty', async () => {
  const redis = await startRedis();
  const running = await limiterOn(redis.url);
  await redis.process.kill();
  const away = await running.decideUntil('it is noticed', () => !running.isUp());
  away.push(...(await decide(running.limiter, 100)));
  assert.equal(allowedOf(away), LIMIT / INSTANCES);
  await redis.restart();
  await eventually('it has healed', () => running.isUp());
  assert.equal((await lookInStore(running.limiter)).remaining, LIMIT - LIMIT / INSTANCES);
  await running.stop();
  await redis.stop();
});

test('a Redis that takes 200 ms to answer', async () => {
  const redis = await startRedis();
  const proxy = await slowProxy(redis.port);
  const running = await limiterOn(`redis://127.0.0.1:${proxy.port}`);
  proxy.delayMs = 200;
  const away = await running.decideUntil('it is noticed', () => !running.isUp());
  away.push(...(await decide(running.limiter, 100)));
  assert.equal(allowedOf(away), LIMIT / INSTANCES);
  // Two probes and more: that nothing heals meanwhile is what is tested.
  await delay(1000);
  assert.equal(running.isUp(), false, 'slow answers do not heal');
  proxy.delayMs = 0;
  await eventually('it has healed', () => running.isUp());
  await running.stop();
  proxy.close();
  await redis.stop();
});

test('a master that fails over to its replica', async () => {
  const cluster = await startRedisCluster(3, 1);
  const running = await limiterOn([...cluster.urls]);
  const before = await decide(running.limiter, 5);
  assert.equal(allowedOf(before), 5);
  await cluster.nodes[0]!.process.kill();
  const decisions: Decision[] = [];
  for (let i = 0; i < 300; i++) {
    decisions.push(await running.limiter.check(`key ${i % 30}`));
    // The pace of the clients: a failover lasts longer than a burst of decisions.
    await delay(5);
  }
  assert.equal(decisions.length, 300, 'no decision waited for the failover');
  await eventually(
    'every key is decided by the store again',
    async () => {
      const looks = await Promise.all(Array.from({ length: 30 }, (_, i) => running.limiter.peek(`key ${i}`)));
      return looks.every((look) => look.reason === 'quota');
    },
    30_000,
  );
  await running.stop();
  await cluster.stop();
});
