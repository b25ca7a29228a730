import { defineBench } from '../harness/index.ts';
import { flexibleOnRedis, rateLimitRedis, spillwayOnRedis } from './redis-contenders.ts';

export default defineBench({
  name: 'limit/redis-one-limit',
  title: 'One limit on Redis',
  what: '64 callers, 10,000 keys, one limit that never refuses; each contender on a Redis of its own, through node-redis. The CPU time of Redis is counted beside that of the client.',
  unit: 'decision',
  baseline: 'rate-limiter-flexible',
  sliceMs: 3000,
  contenders: {
    'spillway sliding': spillwayOnRedis({ limit: 1_000_000, window: '1m' }),
    'spillway smooth': spillwayOnRedis({ limit: 1_000_000, window: '1m', algorithm: 'smooth' }),
    'rate-limiter-flexible': flexibleOnRedis([{ points: 1_000_000, duration: 60 }]),
    'rate-limit-redis': rateLimitRedis(60_000),
  },
});
