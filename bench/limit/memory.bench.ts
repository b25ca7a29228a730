import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { createLimiter, type LimiterOptions } from '../../src/limit/index.ts';
import type { Findings, Study } from '../harness/index.ts';

const require = createRequire(import.meta.url);

const KEYS = 1_000_000;
const MORE_KEYS = 2_000_000;

/** Counts one unit of a key. */
type Contender = (key: string) => unknown;

const spillway = (options: LimiterOptions & { store?: undefined }): Contender => {
  const limiter = createLimiter({ ...options, maxKeys: KEYS });
  return (key) => limiter.check(key);
};

const contenders: Record<string, () => Contender> = {
  'spillway sliding, limit 100': () => spillway({ limit: 100, window: '1h' }),
  'spillway sliding, limit 1,000': () => spillway({ limit: 1000, window: '1h' }),
  'spillway smooth': () => spillway({ limit: 100, window: '1h', algorithm: 'smooth' }),
  'express-rate-limit': () => {
    const { MemoryStore } = require('express-rate-limit') as {
      MemoryStore: new () => { init(options: object): void; increment(key: string): unknown };
    };
    const store = new MemoryStore();
    store.init({ windowMs: 3_600_000 });
    return (key) => store.increment(key);
  },
  'rate-limiter-flexible': () => {
    const { RateLimiterMemory } = require('rate-limiter-flexible') as {
      RateLimiterMemory: new (options: object) => { consume(key: string): Promise<unknown> };
    };
    const limiter = new RateLimiterMemory({ points: 100, duration: 3600 });
    return (key) => limiter.consume(key);
  },
};

/** Bytes of heap and typed arrays that a contender needs for keys that exist anyway, and what a million further keys add. */
async function measure(name: string): Promise<void> {
  const keys = Array.from({ length: KEYS }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
  const count = contenders[name]!();
  const before = await used();
  for (const key of keys) await count(key);
  const full = await used();
  for (let i = KEYS; i < MORE_KEYS; i++) await count(`11.${i}`);
  const fuller = await used();
  // Used once more, so that nothing of it is collected before.
  await count(keys[0]!);
  process.stdout.write(JSON.stringify({ perKey: (full - before) / KEYS, added: (fuller - full) / 2 ** 20 }));
  process.exit(0);
}

async function used(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    globalThis.gc!();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

const study: Study = {
  name: 'limit/memory',
  study: async (): Promise<Findings> => ({
    bench: 'limit/memory',
    title: 'Memory of a million keys',
    what: 'Bytes a key takes beside the key’s own text, with 1,000,000 addresses counted once in an hour’s window; then how much another 1,000,000 keys add, their own texts included. Spillway is bounded at 1,000,000 keys; the others are not bounded.',
    columns: ['', 'bytes per key', 'MB added by a million more'],
    rows: Object.keys(contenders).map((name) => {
      const args = ['--conditions=source', '--expose-gc', '--max-old-space-size=4096', import.meta.filename, name];
      const { perKey, added } = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as {
        perKey: number;
        added: number;
      };
      return [name, perKey, added];
    }),
  }),
};

export default study;

if (process.argv[1] === import.meta.filename) await measure(process.argv[2]!);
