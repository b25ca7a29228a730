/** The scenarios of the coherence suite; each returns what goes into one cell of the table. */
import { setTimeout as delay } from 'node:timers/promises';
import { redisCli, type RedisServer } from '../../test/servers/index.ts';
import type { Fleet, Node } from './fleet.ts';

export interface Scene {
  readonly fleet: Fleet;
  readonly redis: RedisServer;
  readonly tags: boolean;
  readonly patterns: boolean;
  /** How often a race is forced. */
  readonly races: number;
}

export interface Scenario {
  readonly title: string;
  play(scene: Scene): Promise<string>;
}

let keys = 0;
const newKey = (): string => `key:${++keys}`;
const LOAD_MS = 20;

export const SCENARIOS: readonly Scenario[] = [
  { title: 'loads for 1,000 cold requests, 1 process', play: (scene) => coldLoads(scene, 1, 1000) },
  { title: 'loads for 8 × 1,000 cold requests', play: (scene) => coldLoads(scene, 8, 1000) },
  {
    title: 'waiters’ p99 beyond the load, ms',
    play: async ({ fleet }) => {
      fleet.source = () => delay(100, 1);
      const key = newKey();
      const replies = await Promise.all(fleet.nodes.map((node) => node.run({ op: 'burst', key, count: 100 })));
      const times = replies.flatMap((reply) => [...(reply.times ?? [])]).toSorted((a, b) => a - b);
      return (times[Math.floor(times.length * 0.99)]! - 100).toFixed(0);
    },
  },
  {
    title: 'loads in 10 s, TTL 1 s, 8 busy processes',
    play: async ({ fleet }) => {
      fleet.source = () => delay(LOAD_MS, 1);
      const key = newKey();
      fleet.loads = 0;
      await Promise.all(fleet.nodes.map((node) => node.run({ op: 'busy', key, ttlMs: 1000, forMs: 10_000 })));
      return String(fleet.loads);
    },
  },
  {
    title: 'loads when the loading process is killed, 8 processes',
    play: async ({ fleet }) => {
      const key = newKey();
      const holder = Promise.withResolvers<Node>();
      fleet.loads = 0;
      fleet.source = (_, node) => {
        holder.resolve(node);
        return fleet.loads === 1 ? new Promise(() => {}) : delay(LOAD_MS, 1);
      };
      const asked = Promise.all(fleet.nodes.map((node) => node.run({ op: 'burst', key, count: 100 })));
      const killed = await holder.promise;
      await delay(100);
      killed.kill();
      await asked;
      await fleet.replace(killed);
      return String(fleet.loads);
    },
  },
  {
    title: 'stale after a key is deleted during its load',
    play: (scene) => race(scene, scene.fleet.nodes[0]!, (node, key) => node.run({ op: 'delete', key })),
  },
  {
    title: 'same, by another process',
    play: (scene) => race(scene, scene.fleet.nodes[1]!, (node, key) => node.run({ op: 'delete', key })),
  },
  {
    title: 'same, by tag, by another process',
    play: async (scene) =>
      scene.tags
        ? race(scene, scene.fleet.nodes[1]!, (node, key) => node.run({ op: 'invalidateTag', tag: `tag:${key}` }))
        : 'no tags',
  },
  {
    title: 'same, by pattern, by another process',
    play: async (scene) =>
      scene.patterns
        ? race(scene, scene.fleet.nodes[1]!, (node, key) => node.run({ op: 'deletePattern', key: `${key}*` }))
        : 'no patterns',
  },
  {
    title: 'another process still serves a deleted key, p50 / p99 ms',
    play: async ({ fleet }) => {
      const times: number[] = [];
      for (let at = 0; at < 100; at++) {
        const key = newKey();
        fleet.source = async () => at;
        await fleet.nodes[0]!.run({ op: 'get', key });
        for (let read = 0; read < 2; read++) await fleet.nodes[1]!.run({ op: 'get', key });
        fleet.source = async () => at + 1000;
        const changed = fleet.nodes[1]!.run({ op: 'awaitChange', key, value: at, limitMs: 1000 });
        await delay(5);
        const [deleted, last] = await Promise.all([fleet.nodes[0]!.run({ op: 'delete', key }), changed]);
        times.push(last.atMs === undefined ? Infinity : Math.max(0, last.atMs - deleted.atMs!));
      }
      times.sort((a, b) => a - b);
      return times[50] === Infinity ? 'never' : `${times[50]!.toFixed(1)} / ${times[98]!.toFixed(1)}`;
    },
  },
  {
    title: 'stale after connections were cut at the delete',
    play: async ({ fleet, redis }) => {
      let stale = 0;
      for (let at = 0; at < 5; at++) {
        const key = newKey();
        fleet.source = async () => 1;
        await Promise.all(fleet.nodes.map((node) => node.run({ op: 'get', key })));
        await Promise.all(fleet.nodes.map((node) => node.run({ op: 'get', key })));
        fleet.source = async () => 2;
        const deleted = fleet.nodes[0]!.run({ op: 'delete', key });
        for (const type of ['pubsub', 'normal']) redisCli(redis.port, ['client', 'kill', 'type', type]);
        await deleted;
        await delay(1500);
        await fleet.nodes[0]!.run({ op: 'delete', key });
        for (const type of ['pubsub', 'normal']) redisCli(redis.port, ['client', 'kill', 'type', type]);
        await delay(1500);
        const replies = await Promise.all(fleet.nodes.slice(1).map((node) => node.run({ op: 'get', key })));
        if (replies.some((reply) => reply.value === 1)) stale++;
      }
      return `${stale} of 5`;
    },
  },
  {
    title: 'Redis frozen: a hit in memory / a miss, ms',
    play: async ({ fleet, redis }) => {
      const key = newKey();
      fleet.source = () => delay(LOAD_MS, 1);
      const node = fleet.nodes[0]!;
      for (let read = 0; read < 3; read++) await node.run({ op: 'get', key });
      redis.process.freeze();
      try {
        const hit = await node.run({ op: 'get', key, limitMs: 5000 });
        const miss = await node.run({ op: 'get', key: newKey(), limitMs: 5000 });
        const show = (reply: { error?: string; tookMs: number }): string => (reply.error ? 'hangs' : reply.tookMs.toFixed(1));
        return `${show(hit)} / ${show(miss)}`;
      } finally {
        redis.process.thaw();
        await delay(3000);
      }
    },
  },
  {
    title: 'the loader fails, a stale value exists',
    play: async ({ fleet }) => {
      const key = newKey();
      fleet.source = async () => 1;
      const node = fleet.nodes[0]!;
      await node.run({ op: 'get', key, ttlMs: 100 });
      await delay(1300);
      fleet.source = async () => {
        throw new Error('down');
      };
      const reply = await node.run({ op: 'get', key, ttlMs: 100 });
      return reply.error ? 'error' : 'stale value';
    },
  },
];

async function coldLoads({ fleet }: Scene, processes: number, count: number): Promise<string> {
  fleet.source = () => delay(LOAD_MS * 5, 1);
  const key = newKey();
  fleet.loads = 0;
  await Promise.all(fleet.nodes.slice(0, processes).map((node) => node.run({ op: 'burst', key, count })));
  return String(fleet.loads);
}

/** While a load is under way that has read the old value, the key is invalidated; then everyone is asked. */
async function race(
  { fleet, races }: Scene,
  by: Node,
  invalidate: (node: Node, key: string) => Promise<{ error?: string }>,
): Promise<string> {
  let stale = 0;
  for (let at = 0; at < races; at++) {
    const key = newKey();
    const tag = `tag:${key}`;
    const started = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    fleet.source = async () => {
      started.resolve();
      await gate.promise;
      return 1;
    };
    const loading = fleet.nodes[0]!.run({ op: 'get', key, tag });
    await started.promise;
    fleet.source = async () => 2;
    await invalidate(by, key);
    gate.resolve();
    await loading;
    const after = await Promise.all([fleet.nodes[0]!, fleet.nodes[2]!].map((node) => node.run({ op: 'get', key, tag })));
    if (after.some((reply) => reply.value !== 2)) stale++;
  }
  return `${stale} of ${races}`;
}
