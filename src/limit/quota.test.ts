import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedClock } from '../kernel/index.ts';
import { Calendar } from './calendar.ts';
import { createLimiter } from './limit.ts';

const at = (text: string): number => Date.parse(text);
const spanOf = (calendar: Calendar, text: string): [string, string] => {
  const { beginsMs, endsMs } = calendar.periodAt(at(text));
  return [new Date(beginsMs).toISOString(), new Date(endsMs).toISOString()];
};

test('days end at midnight of their zone, also when clocks change', () => {
  const berlin = new Calendar('day', 'Europe/Berlin');
  assert.deepEqual(spanOf(berlin, '2026-01-15T12:00:00Z'), ['2026-01-14T23:00:00.000Z', '2026-01-15T23:00:00.000Z']);
  assert.deepEqual(spanOf(berlin, '2026-03-29T12:00:00Z'), ['2026-03-28T23:00:00.000Z', '2026-03-29T22:00:00.000Z'], '23 hours');
  assert.deepEqual(spanOf(berlin, '2026-10-25T12:00:00Z'), ['2026-10-24T22:00:00.000Z', '2026-10-25T23:00:00.000Z'], '25 hours');
});

test('weeks begin on Monday, months and years on their first day', () => {
  assert.deepEqual(spanOf(new Calendar('week', 'UTC'), '2026-11-20T10:00:00Z'), [
    '2026-11-16T00:00:00.000Z',
    '2026-11-23T00:00:00.000Z',
  ]);
  assert.deepEqual(spanOf(new Calendar('week', 'UTC'), '2026-11-22T23:59:59Z'), [
    '2026-11-16T00:00:00.000Z',
    '2026-11-23T00:00:00.000Z',
  ]);
  assert.deepEqual(spanOf(new Calendar('month', 'America/Chicago'), '2026-12-31T23:00:00Z'), [
    '2026-12-01T06:00:00.000Z',
    '2027-01-01T06:00:00.000Z',
  ]);
  assert.deepEqual(spanOf(new Calendar('year', 'UTC'), '2026-11-20T10:00:00Z'), [
    '2026-01-01T00:00:00.000Z',
    '2027-01-01T00:00:00.000Z',
  ]);
  assert.deepEqual(spanOf(new Calendar('hour', 'Asia/Kolkata'), '2026-11-20T10:10:00Z'), [
    '2026-11-20T09:30:00.000Z',
    '2026-11-20T10:30:00.000Z',
  ]);
});

test('a day that has no midnight begins when its clocks do', () => {
  const [begins] = spanOf(new Calendar('day', 'America/Santiago'), '2026-09-06T15:00:00Z');
  assert.equal(begins, '2026-09-06T04:00:00.000Z');
});

test('a quota is used up until its period ends, and says when it gets scarce', async () => {
  const clock = new SimulatedClock(at('2026-11-20T22:00:00Z'));
  const limiter = createLimiter({ limit: 10, algorithm: 'quota', period: 'day', timeZone: 'UTC' }, { clock });
  const reached: string[] = [];
  limiter.events.on('quotaReached', ({ share, used }) => reached.push(`${share} ${used}`));
  for (let i = 0; i < 10; i++) assert.equal(limiter.check('a').allowed, true);
  const refusal = limiter.check('a');
  assert.deepEqual([refusal.allowed, refusal.retryAfterMs, refusal.policy], [false, 7_200_000, '10-per-day']);
  assert.deepEqual(reached, ['0.8 8', '1 10']);
  await clock.advance(7_200_000);
  assert.equal(limiter.check('a').remaining, 9);
});
