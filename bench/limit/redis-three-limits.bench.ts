import { defineBench } from '../harness/index.ts';
import { flexibleOnRedis, spillwayOnRedis } from './redis-contenders.ts';

const limits = [
  { limit: 100_000, window: '1s' },
  { limit: 1_000_000, window: '1m' },
  { limit: 10_000_000, window: '1h' },
] as const;

export default defineBench({
  name: 'limit/redis-three-limits',
  title: 'Three limits of one client on Redis',
  what: '64 callers, 10,000 keys, three limits that never refuse. Spillway decides in one atomic step; rate-limiter-flexible’s union sends three commands and keeps what was taken when another limit refuses.',
  unit: 'decision',
  baseline: 'rate-limiter-flexible union',
  sliceMs: 3000,
  contenders: {
    'spillway, three sliding': spillwayOnRedis({ limits: limits.map((limit) => ({ ...limit })) }),
    'spillway, three smooth': spillwayOnRedis({ limits: limits.map((limit) => ({ ...limit, algorithm: 'smooth' as const })) }),
    'rate-limiter-flexible union': flexibleOnRedis([
      { points: 100_000, duration: 1 },
      { points: 1_000_000, duration: 60 },
      { points: 10_000_000, duration: 3600 },
    ]),
  },
});
