/** Every sequence of calls must decide exactly as a plain log of everything that was admitted does. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SimulatedClock } from '../kernel/index.ts';
import type { Decision } from './decision.ts';
import { createLimiter } from './limit.ts';

const SEQUENCES = Number(process.env['SPILLWAY_SEQUENCES'] ?? 4000);

interface Entry {
  readonly key: string;
  readonly atMs: number;
  cost: number;
}

type Step =
  | { readonly kind: 'check'; readonly key: string; readonly cost: number }
  | { readonly kind: 'peek'; readonly key: string }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'refund'; readonly back: number; readonly cost: number }
  | { readonly kind: 'reset'; readonly key: string };

const key = fc.constantFrom('a', 'b');
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('check' as const), key, cost: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 700 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('peek' as const), key }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('refund' as const), back: fc.nat(5), cost: fc.integer({ min: 1, max: 4 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reset' as const), key }) },
);
const steps = fc.array(step, { minLength: 10, maxLength: 60 });

/** What a sliding limit means, written down plainly: the units in the running bucket and the B before it. */
class ExactLog {
  readonly entries: Entry[] = [];
  readonly limit: number;
  readonly bucketMs: number;
  readonly buckets: number;

  constructor(limit: number, windowMs: number, buckets: number) {
    this.limit = limit;
    this.buckets = buckets;
    this.bucketMs = windowMs / buckets;
  }

  used(key: string, nowMs: number): number {
    const oldest = Math.floor(nowMs / this.bucketMs) - this.buckets;
    return this.entries
      .filter((entry) => entry.key === key && Math.floor(entry.atMs / this.bucketMs) >= oldest)
      .reduce((sum, entry) => sum + entry.cost, 0);
  }

  /** The most units any rolling window has held, all refunds taken off. */
  worstWindow(key: string, windowMs: number): number {
    const own = this.entries.filter((entry) => entry.key === key);
    return Math.max(
      0,
      ...own.map((last) =>
        own
          .filter((entry) => entry.atMs > last.atMs - windowMs && entry.atMs <= last.atMs)
          .reduce((sum, entry) => sum + entry.cost, 0),
      ),
    );
  }
}

const limits = [
  { limit: 7, window: '1s', buckets: 10 },
  { limit: 12, window: '3s', buckets: 4 },
] as const;

test('several sliding limits, costs, refunds and resets decide as an exact log does', () => {
  fc.assert(
    fc.property(steps, (sequence) => {
      const clock = new RunningClock();
      const limiter = createLimiter({ limits: limits.map((limit) => ({ ...limit })) }, { clock });
      const logs = limits.map((limit) => new ExactLog(limit.limit, Number.parseInt(limit.window) * 1000, limit.buckets));
      let admitted: { decision: Decision; entries: Entry[] }[] = [];
      for (const each of sequence) {
        const nowMs = clock.monotonic();
        if (each.kind === 'wait') clock.nowMs += each.ms;
        else if (each.kind === 'reset') {
          void limiter.reset(each.key);
          for (const log of logs) for (const entry of log.entries) if (entry.key === each.key) entry.cost = 0;
          admitted = admitted.filter((past) => past.entries[0]!.key !== each.key);
        } else if (each.kind === 'refund') {
          const past = admitted.at(-1 - each.back);
          if (!past) continue;
          void limiter.refund(past.decision, each.cost);
          for (const entry of past.entries) entry.cost -= Math.min(each.cost, entry.cost);
        } else {
          const cost = each.kind === 'peek' ? 0 : each.cost;
          const expected = logs.every((log) => log.used(each.key, nowMs) + cost <= log.limit);
          const decision = each.kind === 'peek' ? limiter.peek(each.key) : limiter.check(each.key, { cost });
          assert.equal(decision.allowed, expected);
          if (expected && cost > 0) {
            const entries = logs.map((log) => {
              const entry = { key: each.key, atMs: nowMs, cost };
              log.entries.push(entry);
              return entry;
            });
            admitted.push({ decision, entries });
          }
          const remaining = logs.map((log) => log.limit - log.used(each.key, nowMs));
          assert.deepEqual(
            decision.states.map((state) => state.remaining),
            remaining,
          );
        }
      }
      for (const [i, log] of logs.entries()) {
        for (const name of ['a', 'b']) assert.ok(log.worstWindow(name, Number.parseInt(limits[i]!.window) * 1000) <= log.limit);
      }
    }),
    { numRuns: SEQUENCES },
  );
});

test('a refusal says the first moment the same request can succeed, and a decision when all is free again', () => {
  const algorithm = fc.constantFrom('sliding' as const, 'smooth' as const);
  fc.assert(
    fc.property(
      algorithm,
      fc.array(fc.tuple(fc.nat(300), fc.integer({ min: 1, max: 3 })), { maxLength: 40 }),
      fc.nat(1200),
      (kind, arrivals, lastWaitMs) => {
        const clock = new RunningClock();
        const limiter = createLimiter(
          { limit: 6, window: '1s', algorithm: kind, ...(kind === 'smooth' ? { burst: 3 } : { buckets: 7 }) },
          { clock },
        );
        for (const [waitMs, cost] of arrivals) {
          clock.nowMs += waitMs;
          const decision = limiter.check('k', { cost });
          if (decision.allowed) continue;
          const refusedMs = clock.nowMs;
          clock.nowMs = refusedMs + decision.retryAfterMs - 2;
          if (clock.nowMs > refusedMs) assert.equal(limiter.check('k', { cost }).allowed, false, 'earlier than said');
          clock.nowMs = refusedMs + decision.retryAfterMs;
          assert.equal(limiter.check('k', { cost }).allowed, true, 'when said');
        }
        clock.nowMs += lastWaitMs;
        const { resetMs, remaining, limit } = limiter.peek('k');
        assert.equal(resetMs > 0, remaining < limit);
        clock.nowMs += Math.max(0, resetMs - 2);
        if (resetMs > 2) assert.ok(limiter.peek('k').remaining < limit, 'something counts until it is said to be whole');
        clock.nowMs += 2;
        assert.equal(limiter.peek('k').remaining, limit, 'whole when said');
      },
    ),
    { numRuns: SEQUENCES / 4 },
  );
});

test('a smooth limit admits as the rate and its burst allow, and never more than burst + limit in a window', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(400), fc.integer({ min: 1, max: 3 })), { maxLength: 60 }), (arrivals) => {
      const [limit, burst, windowMs] = [10, 4, 1000];
      const clock = new RunningClock();
      const limiter = createLimiter({ limit, window: '1s', algorithm: 'smooth', burst }, { clock });
      const admitted: { atMs: number; cost: number }[] = [];
      let tokens = burst;
      let lastMs = 0;
      for (const [waitMs, cost] of arrivals) {
        clock.nowMs += waitMs;
        tokens = Math.min(burst, tokens + ((clock.nowMs - lastMs) * limit) / windowMs);
        lastMs = clock.nowMs;
        const expected = tokens + 1e-6 >= cost;
        assert.equal(limiter.check('k', { cost }).allowed, expected);
        if (!expected) continue;
        tokens -= cost;
        admitted.push({ atMs: clock.nowMs, cost });
      }
      for (const { atMs } of admitted) {
        const window = admitted.filter((one) => one.atMs > atMs - windowMs && one.atMs <= atMs);
        assert.ok(window.reduce((sum, one) => sum + one.cost, 0) <= burst + limit);
      }
    }),
    { numRuns: SEQUENCES / 4 },
  );
});

/** Moves by assignment: hundreds of thousands of steps need no timers and no promises. */
class RunningClock extends SimulatedClock {
  nowMs = 0;
  override monotonic(): number {
    return this.nowMs;
  }
}
