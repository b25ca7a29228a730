/** A process of the rolling-window study with a peer's limiter: bursts and pauses; it reports when requests passed. */
import { createRequire } from 'node:module';
import { seededRandom } from '../../src/kernel/index.ts';

const require = createRequire(import.meta.url);

const { url, limit, windowMs, durationMs, seed, contender } = JSON.parse(process.argv[2]!) as {
  url: string;
  limit: number;
  windowMs: number;
  durationMs: number;
  seed: number;
  contender: string;
};
const random = seededRandom(seed);

interface NodeRedis {
  connect(): Promise<unknown>;
  sendCommand(args: string[]): Promise<unknown>;
}
const { createClient } = require('redis') as { createClient(options: object): NodeRedis };
const client = createClient({ url });
await client.connect();
const allows = limiter();
const admittedAtMs: number[] = [];

process.once('message', () => void run());
process.send!('ready');

function limiter(): () => Promise<boolean> {
  if (contender === 'rate-limiter-flexible') {
    const { RateLimiterRedis } = require('rate-limiter-flexible') as {
      RateLimiterRedis: new (options: object) => { consume(key: string): Promise<unknown> };
    };
    const redis = new RateLimiterRedis({ storeClient: client, useRedisPackage: true, points: limit, duration: windowMs / 1000 });
    return () =>
      redis.consume('everyone').then(
        () => true,
        () => false,
      );
  }
  const { RedisStore } = require('rate-limit-redis') as {
    RedisStore: new (options: object) => { init(options: object): void; increment(key: string): Promise<{ totalHits: number }> };
  };
  const store = new RedisStore({ sendCommand: (...args: string[]) => client.sendCommand(args) });
  store.init({ windowMs });
  return async () => (await store.increment('everyone')).totalHits <= limit;
}

async function run(): Promise<void> {
  const endMs = Date.now() + durationMs;
  const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  const caller = async (): Promise<void> => {
    while (Date.now() < endMs) {
      const burstEndMs = Math.min(endMs, Date.now() + 20 + 200 * random.next());
      while (Date.now() < burstEndMs) {
        if (await allows()) admittedAtMs.push(Date.now());
        await pause(random.next() < 0.5 ? 0 : 2 * random.next());
      }
      await pause(300 * random.next() * random.next());
    }
  };
  await Promise.all(Array.from({ length: 12 }, caller));
  process.send!({ admittedAtMs }, () => process.exit(0));
}
