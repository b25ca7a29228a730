import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SimulatedClock } from '../kernel/index.ts';
import { FieldBytes } from './field-bytes.ts';
import { limitFieldLines } from './http-fields.ts';
import { createLimiter } from './limit.ts';

const choices = [true, false].flatMap((standard) => [true, false].map((legacy) => ({ standard, legacy })));

test('the bytes of a decision are its text, whatever was written before', async () => {
  const anyChoice = fc.constantFrom(...choices);
  const step = fc.record({ key: fc.constantFrom('a', 'b', 'c'), cost: fc.integer({ min: 0, max: 500 }), waitMs: fc.nat(900) });
  await fc.assert(
    fc.asyncProperty(anyChoice, fc.integer({ min: 1, max: 100_000 }), fc.array(step), async (choice, limit, steps) => {
      const clock = new SimulatedClock();
      const limiter = createLimiter({ limit, window: '10s' }, { clock });
      const fields = new FieldBytes(choice);
      for (const { key, cost, waitMs } of steps) {
        await clock.advance(waitMs);
        const decision = limiter.check(key, { cost });
        if (decision.allowed) assert.equal(fields.of(decision).toString(), limitFieldLines(decision, choice));
      }
    }),
  );
});

test('tiers, several limits and none are told as they are', () => {
  const clock = new SimulatedClock();
  const fields = new FieldBytes({ standard: true, legacy: true });
  const one = createLimiter({ limit: 10, window: '1m', tiers: { gold: 9 }, allow: ['192.0.2.9'] }, { clock });
  const two = createLimiter(
    {
      limits: [
        { limit: 10, window: '1m' },
        { limit: 50, window: '500ms' },
      ],
    },
    { clock },
  );
  const decisions = [
    one.check({ ip: '192.0.2.1', tier: 'gold' }),
    one.check({ ip: '192.0.2.2' }),
    two.check({ ip: '192.0.2.1' }),
    one.check({ ip: '192.0.2.9' }),
    one.check({ ip: '192.0.2.1', tier: 'gold' }),
  ];
  for (const decision of decisions) assert.equal(fields.of(decision).toString(), limitFieldLines(decision));
});

test('between two requests of a client no bytes are made', () => {
  const limiter = createLimiter({ limit: 90, window: '1m' }, { clock: new SimulatedClock() });
  const fields = new FieldBytes({ standard: true, legacy: true });
  assert.equal(fields.of(limiter.check('a')), fields.of(limiter.check('a')));
});
