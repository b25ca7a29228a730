import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { createLimiter, type LimiterOptions } from '../../src/limit/index.ts';
import { defineBench, type Operation } from '../harness/index.ts';

const require = createRequire(import.meta.url);

const KEYS = 50_000;
const keys = Array.from({ length: KEYS }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
/** A stride that visits every key, in no order that caches like. */
let at = 0;
const nextKey = (): string => keys[(at = (at + 7919) % KEYS)]!;

function spillway(options: LimiterOptions & { store?: undefined }): Operation {
  const limiter = createLimiter(options);
  return {
    run: (count) => {
      for (let i = 0; i < count; i++) limiter.check(nextKey());
    },
  };
}

/** As a server does that has read the clock for the request already. */
function spillwayGivenTime(options: LimiterOptions & { store?: undefined }): Operation {
  const limiter = createLimiter(options);
  let nowMs = performance.now();
  return {
    run: (count) => {
      for (let i = 0; i < count; i++) {
        if (i % 64 === 0) nowMs = performance.now();
        limiter.check(nextKey(), { nowMs });
      }
    },
  };
}

export default defineBench({
  name: 'limit/decision',
  title: 'One decision in process',
  what: 'One of 50,000 addresses asks for one unit of 60,000 a minute, in memory; it is allowed. Stores of the peers are called as their middlewares call them.',
  unit: 'decision',
  baseline: 'express-rate-limit',
  contenders: {
    'spillway sliding': { kind: 'operation', prepare: () => spillway({ limit: 60_000, window: '1m' }) },
    'spillway sliding, given the time': {
      kind: 'operation',
      prepare: () => spillwayGivenTime({ limit: 60_000, window: '1m' }),
    },
    'spillway smooth': { kind: 'operation', prepare: () => spillway({ limit: 60_000, window: '1m', algorithm: 'smooth' }) },
    'spillway, three limits at once': {
      kind: 'operation',
      prepare: () =>
        spillway({
          limits: [
            { limit: 60_000, window: '1m' },
            { limit: 600_000, window: '1h' },
            { limit: 5000, window: '1s' },
          ],
        }),
    },
    'a lookup, nothing decided': {
      kind: 'operation',
      prepare: () => {
        const places = new Map(keys.map((key, i) => [key, i]));
        let sum = 0;
        return {
          run: (count) => {
            for (let i = 0; i < count; i++) sum += places.get(nextKey())!;
          },
          close: () => assert.ok(sum > 0),
        };
      },
    },
    'a clock reading and a lookup, nothing decided': {
      kind: 'operation',
      prepare: () => {
        const places = new Map(keys.map((key, i) => [key, i]));
        let sum = 0;
        return {
          run: (count) => {
            for (let i = 0; i < count; i++) sum += performance.now() + places.get(nextKey())!;
          },
          close: () => assert.ok(sum > 0),
        };
      },
    },
    'express-rate-limit': {
      kind: 'operation',
      prepare: () => {
        const { MemoryStore } = require('express-rate-limit') as {
          MemoryStore: new () => { init(options: object): void; increment(key: string): Promise<unknown> };
        };
        const store = new MemoryStore();
        store.init({ windowMs: 60_000 });
        return {
          run: async (count) => {
            for (let i = 0; i < count; i++) await store.increment(nextKey());
          },
        };
      },
    },
    'rate-limiter-flexible': {
      kind: 'operation',
      prepare: () => {
        const { RateLimiterMemory } = require('rate-limiter-flexible') as {
          RateLimiterMemory: new (options: object) => { consume(key: string): Promise<unknown> };
        };
        const limiter = new RateLimiterMemory({ points: 60_000, duration: 60 });
        return {
          run: async (count) => {
            for (let i = 0; i < count; i++) await limiter.consume(nextKey());
          },
        };
      },
    },
    '@fastify/rate-limit': {
      kind: 'operation',
      prepare: () => {
        const LocalStore = require('@fastify/rate-limit/store/LocalStore.js') as new (...args: unknown[]) => {
          incr(key: string, answer: () => void, timeWindow: number, max: number): void;
        };
        const store = new LocalStore(false, false, KEYS * 2);
        const ignore = (): void => {};
        return {
          run: (count) => {
            for (let i = 0; i < count; i++) store.incr(nextKey(), ignore, 60_000, 60_000);
          },
        };
      },
    },
  },
});
