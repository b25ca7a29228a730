import assert from 'node:assert/strict';
import { test } from 'node:test';
import { healthSection } from '../policy/index.ts';
import { StatusJudge, type VitalSigns } from './status.ts';

const calm: VitalSigns = { cpu: 0.2, memory: 0.3, errors: 0, responseTimeMs: 50 };

function judgeOver(policy: object = {}) {
  const judge = new StatusJudge(healthSection.parse(policy), 0);
  let second = 0;
  return (signs: Partial<VitalSigns>, seconds: number) => {
    for (let until = second + seconds; second < until; second++) judge.judge({ ...calm, ...signs }, [], second * 1000);
    return judge.status;
  };
}

test('the limits of requirement M2, each by itself', () => {
  const cases: [Partial<VitalSigns>, string][] = [
    [{ cpu: 0.71 }, 'degraded'],
    [{ memory: 0.76 }, 'degraded'],
    [{ errors: 0.21 }, 'degraded'],
    [{ responseTimeMs: 2001 }, 'degraded'],
    [{ errors: 0.51 }, 'critical'],
    [{ cpu: 0.95 }, 'critical'],
    [{ memory: 0.95 }, 'critical'],
    [{ responseTimeMs: 6000 }, 'critical'],
    [{ cpu: 0.7, memory: 0.75, errors: 0.2, responseTimeMs: 2000 }, 'healthy'],
    [{ cpu: undefined, memory: undefined, errors: undefined, responseTimeMs: undefined }, 'healthy'],
  ];
  for (const [signs, verdict] of cases) assert.equal(judgeOver()(signs, 10).verdict, verdict, JSON.stringify(signs));
});

test('a verdict says why, with its number', () => {
  assert.equal(judgeOver()({ errors: 0.31 }, 10).causes[0]!.text, '31 % of requests fail (limit 20 %)');
  assert.equal(judgeOver()({ responseTimeMs: 2643 }, 10).causes[0]!.text, '95 of 100 requests take up to 2.64 s (limit 2 s)');
});

test('a value at the limit does not make the verdict flicker', () => {
  const during = judgeOver();
  during({}, 5);
  let changes = 0;
  let before = during({ cpu: 0.75 }, 10).verdict;
  for (let round = 0; round < 120; round++) {
    const { verdict } = during({ cpu: round % 2 === 0 ? 0.69 : 0.71 }, 1);
    if (verdict !== before) changes++;
    before = verdict;
  }
  assert.equal(changes, 0);
  assert.equal(before, 'degraded');
  assert.equal(during({}, 20).verdict, 'healthy');
});

test('a peak shorter than raiseAfter changes nothing, recovery takes recoverAfter', () => {
  const during = judgeOver();
  assert.equal(during({ cpu: 0.99 }, 2).verdict, 'healthy');
  during({}, 5);
  assert.equal(during({ cpu: 0.99 }, 4).verdict, 'critical');
  assert.equal(during({}, 14).verdict, 'critical');
  assert.equal(during({}, 2).verdict, 'healthy');
});

test('what is found broken counts at once and keeps its since', () => {
  const judge = new StatusJudge(healthSection.parse({}), 0);
  const broken = { id: 'upstream:site', level: 'critical' as const, text: 'upstream site is down' };
  assert.equal(judge.judge(calm, [broken], 1000).verdict, 'critical');
  judge.judge(calm, [broken], 9000);
  assert.deepEqual([judge.status.causes[0]!.sinceMs, judge.status.sinceMs], [1000, 1000]);
  assert.equal(judge.judge(calm, [], 10_000).verdict, 'healthy');
});

test('silence is unknown, not healthy', () => {
  const judge = new StatusJudge(healthSection.parse({}), 0);
  assert.equal(judge.status.verdict, 'unknown');
  judge.judge(calm, [], 1000);
  assert.equal(judge.lose(1000, 7000).verdict, 'unknown');
});
