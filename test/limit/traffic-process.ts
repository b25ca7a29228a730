/**
 * One of several processes that share a limit: random bursts and pauses, with a clock that is wrong by `skewMs`. It tells
 * its parent when each request was let through, by the clock of Redis.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { createRedisCounters } from '../../src/drivers/redis-counters.ts';
import { seededRandom, systemClock, type Clock, type Duration } from '../../src/kernel/index.ts';
import { createLimiter } from '../../src/limit/index.ts';
import type { CounterStore } from '../../src/ports/index.ts';
import { eventually } from '../servers/index.ts';

export interface TrafficOrder {
  readonly url: string | string[];
  readonly limit: number;
  readonly windowMs: number;
  readonly leases: boolean;
  readonly storeDeadline: Duration;
  readonly skewMs: number;
  readonly durationMs: number;
  readonly seed: number;
  /** Requests at once during a burst. */
  readonly concurrency: number;
}

export interface TrafficReport {
  readonly admittedAtMs: readonly number[];
  readonly decisions: number;
  readonly storeCalls: number;
  /** Decision times, ms, p99. */
  readonly p99Ms: number;
  readonly reasons: Readonly<Record<string, number>>;
}

const order = JSON.parse(process.argv[2]!) as TrafficOrder;
const random = seededRandom(order.seed);

/** When the store decided about the request of this asynchronous context; unset where a unit leased before was used. */
const decidedAt = new AsyncLocalStorage<{ ms: number | undefined }>();

const skewedClock: Clock = {
  now: () => systemClock.now() + order.skewMs,
  monotonic: () => systemClock.monotonic() + order.skewMs + 10_000,
  setTimer: (...args) => systemClock.setTimer(...args),
  setRepeating: (...args) => systemClock.setRepeating(...args),
  sleep: (...args) => systemClock.sleep(...args),
};

const redis = createRedisCounters({ url: order.url, heartbeat: '100ms' }, { clock: skewedClock });
let storeCalls = 0;
/** The store, noting its own time: a bucket's end less the time until then. */
const store: CounterStore = {
  take: async (request) => {
    storeCalls++;
    const answer = await redis.take(request);
    const context = decidedAt.getStore();
    const { windowMs, buckets } = request.groups[0]!.limits[0]!;
    if (context) context.ms = ((answer.states[0]!.receipt + buckets + 1) * windowMs) / buckets - answer.states[0]!.resetMs;
    return answer;
  },
  refund: (entries) => (storeCalls++, redis.refund(entries)),
  reset: (keys) => redis.reset(keys),
  acquirePermit: (...args) => redis.acquirePermit(...args),
  renewPermit: (...args) => redis.renewPermit(...args),
  releasePermit: (...args) => redis.releasePermit(...args),
  ping: () => redis.ping(),
  get instances() {
    return redis.instances;
  },
  close: () => redis.close(),
};

const limiter = createLimiter(
  {
    limits: [{ limit: order.limit, window: `${order.windowMs}ms` }],
    store,
    leases: order.leases,
    scope: 'shared',
    storeDeadline: order.storeDeadline,
  },
  { clock: skewedClock },
);
const admittedAtMs: number[] = [];
const tookMs: number[] = [];
const reasons: Record<string, number> = {};
let decisions = 0;

process.once('message', () => void run());
await eventually('connected', () =>
  redis.ping().then(
    () => true,
    () => false,
  ),
);
process.send!('ready');

async function run(): Promise<void> {
  const endMs = performance.now() + order.durationMs;
  await Promise.all(Array.from({ length: order.concurrency }, () => client(endMs)));
  limiter.close();
  await redis.close();
  tookMs.sort((a, b) => a - b);
  const report: TrafficReport = {
    admittedAtMs,
    decisions,
    storeCalls,
    p99Ms: tookMs[Math.floor(tookMs.length * 0.99)] ?? 0,
    reasons,
  };
  process.send!(report, () => process.exit(0));
}

/** Bursts and pauses of random length; within a burst one request after the other. */
async function client(endMs: number): Promise<void> {
  while (performance.now() < endMs) {
    const burstEndMs = Math.min(endMs, performance.now() + 20 + 200 * random.next());
    while (performance.now() < burstEndMs) {
      await decidedAt.run({ ms: undefined }, request);
      await systemClock.sleep(random.next() < 0.5 ? 0 : 2 * random.next());
    }
    await systemClock.sleep(300 * random.next() * random.next());
  }
}

async function request(): Promise<void> {
  const startMs = performance.now();
  const decision = await limiter.check('everyone');
  tookMs.push(performance.now() - startMs);
  decisions++;
  const outcome = `${decision.allowed ? 'allowed' : 'refused'} ${decision.reason}`;
  reasons[outcome] = (reasons[outcome] ?? 0) + 1;
  if (decision.allowed) admittedAtMs.push(decidedAt.getStore()!.ms ?? systemClock.now());
}
