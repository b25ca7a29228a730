import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedClock } from '../kernel/index.ts';
import type { Status } from './status.ts';
import { HeardVerdict, VerdictTeller } from './verdict-report.ts';

const healthy: Status = { verdict: 'healthy', sinceMs: 0, causes: [] };
const failing = (share: number): Status => ({
  verdict: 'critical',
  sinceMs: 5,
  causes: [{ id: 'errors', level: 'critical', text: `${share} % of requests fail`, sinceMs: 5 }],
});

test('the verdict is told at once when it changes, and again every 3 seconds', () => {
  const teller = new VerdictTeller();
  assert.deepEqual(teller.next(healthy, 0), { verdict: 'healthy', level: 0, sinceMs: 0 });
  assert.equal(teller.next(healthy, 1000), undefined);
  const critical = { verdict: 'critical', level: 2, sinceMs: 5 };
  assert.deepEqual(teller.next(failing(60), 1100), { ...critical, cause: '60 % of requests fail' });
  assert.equal(teller.next(failing(70), 2000), undefined);
  assert.deepEqual(teller.next(failing(70), 4100), { ...critical, cause: '70 % of requests fail' });
  assert.equal(teller.next(healthy, 4200)?.level, 0);
});

test('a verdict nobody repeats lapses', async () => {
  const clock = new SimulatedClock();
  const heard = new HeardVerdict({ clock });
  assert.equal(heard.level, 0);
  heard.hear({ verdict: 'critical', level: 2, sinceMs: 0 });
  await clock.advance(9999);
  assert.equal(heard.level, 2);
  await clock.advance(1);
  assert.equal(heard.level, 0);
});
