/** One process of the soak: reads all the time and checks each read against what was acknowledged. */
import { setTimeout as delay } from 'node:timers/promises';
import { createRequire } from 'node:module';
import type * as Redis from 'redis';
import { createCache } from '../../../src/cache/index.ts';
import type { RedisTarget } from '../../../src/drivers/redis-link.ts';
import {
  KEYS,
  MAX_STALENESS_MS,
  nameOf,
  nowMs,
  tagOf,
  type Change,
  type FromNode,
  type NodeSettings,
  type ToNode,
} from './protocol.ts';

const READS_AT_ONCE = 20;
const PAUSE_MS = 15;
const TALLY_EVERY_MS = 500;

/** The copy of node-redis that the cache itself uses, not the one installed for the benches: another one cannot track. */
const { createCluster } = createRequire(import.meta.resolve('../../../src/drivers/redis-link.ts'))('redis') as typeof Redis;

const settings = JSON.parse(process.argv[2]!) as NodeSettings;
const cache = createCache<number>({
  redis: redisBy(settings),
  coherence: settings.coherence,
  ttl: '20s',
  maxStaleness: `${MAX_STALENESS_MS}ms`,
  lease: '1s',
});
const loads = new Map<number, (version: number) => void>();
/** Per key, what was acknowledged lately; the last before the others is in force. */
const acknowledged = Array.from({ length: KEYS }, (): { version: number; atMs: number }[] => []);
let ids = 0;
let [reads, tooOld, oldestMs, failed] = [0, 0, 0, 0];

const tell = (message: FromNode): void => void process.send!(message);

function redisBy({ cluster, ports }: NodeSettings): RedisTarget {
  const urls = ports.map(([, link]) => `redis://127.0.0.1:${link}`);
  if (!cluster) return urls[0]!;
  const nodeAddressMap = Object.fromEntries(ports.map(([server, port]) => [`127.0.0.1:${server}`, { host: '127.0.0.1', port }]));
  const defaults = { disableOfflineQueue: true, socket: { connectTimeout: 2000, reconnectStrategy: 200 } };
  return createCluster({ rootNodes: urls.map((url) => ({ url })), nodeAddressMap, defaults });
}

function load(key: number): Promise<number> {
  const id = ++ids;
  const { promise, resolve } = Promise.withResolvers<number>();
  loads.set(id, resolve);
  tell({ kind: 'load', id, key });
  return promise;
}

async function read(key: number): Promise<void> {
  const beganMs = nowMs();
  const tags = [`tag:${tagOf(key)}`];
  const version = await cache.getOrSet(nameOf(key), () => load(key), { tags }).catch(() => undefined);
  if (version === undefined) return void failed++;
  reads++;
  // The first invalidation that the value is too old for says how old the value is.
  const missed = acknowledged[key]!.find((each) => each.version > version && each.atMs < beganMs);
  if (!missed) return;
  const ageMs = beganMs - missed.atMs;
  oldestMs = Math.max(oldestMs, ageMs);
  if (ageMs <= MAX_STALENESS_MS) return;
  tooOld++;
  console.error(`read ${nameOf(key)} version ${version}, ${ageMs.toFixed(0)} ms after ${missed.version} was acknowledged`);
}

function acknowledge(key: number, version: number, atMs: number): void {
  const list = acknowledged[key]!;
  list.push({ version, atMs });
  if (list.length > 50) list.shift();
}

function invalidate(change: Change): Promise<unknown> {
  if (change.by === 'key') return cache.delete(nameOf(change.key));
  return change.by === 'tag' ? cache.invalidateTags([`tag:${change.tag}`]) : cache.deletePattern(`plan:${change.tag}:*`);
}

/** Acknowledged is what the store has heard of. */
async function run({ id, change }: Extract<ToNode, { kind: 'invalidate' }>): Promise<void> {
  await invalidate(change);
  while ((cache.stats().store?.owed ?? 0) > 0) await delay(5);
  tell({ kind: 'invalidated', id, atMs: nowMs() });
}

process.on('message', (message: ToNode) => {
  if (message.kind === 'invalidate') void run(message);
  else if (message.kind === 'acknowledged')
    for (const [key, version] of message.versions) acknowledge(key, version, message.atMs);
  else {
    loads.get(message.id)?.(message.version);
    loads.delete(message.id);
  }
});
process.on('unhandledRejection', (error) => tell({ kind: 'unhandled', error: String(error) }));
process.on('disconnect', () => process.exit());
setInterval(() => tell({ kind: 'tally', tally: { reads, tooOld, oldestMs, failed } }), TALLY_EVERY_MS);
tell({ kind: 'ready' });
for (;;) {
  // Some keys are read much more often than others.
  await Promise.all(Array.from({ length: READS_AT_ONCE }, () => read(Math.floor(KEYS * Math.random() ** 2))));
  await delay(PAUSE_MS * Math.random());
}
