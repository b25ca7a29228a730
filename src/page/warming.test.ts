import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Warming } from './warming.ts';

const settings = { confidence: 0.3, maxPages: 3, maxVisitors: 100 };

test('predicts what enough visitors do, and nothing on thin evidence', () => {
  const warming = new Warming(settings);
  const visit = (visitor: number, ...keys: string[]): string[] => keys.map((key) => warming.observe(`v${visitor}`, key)).at(-1)!;
  for (let nth = 0; nth < 19; nth++) visit(nth, 'home', nth % 2 === 0 ? 'plans' : `other-${nth}`);
  assert.deepEqual(visit(50, 'home'), []);
  visit(51, 'home', 'plans');
  assert.deepEqual(visit(52, 'home'), ['plans']);
});

test('tells useful warming from wasted', () => {
  const warming = new Warming(settings);
  warming.expect('a', 1000);
  warming.expect('b', 1000);
  warming.observe('v', 'a');
  assert.deepEqual(warming.report(500), { warmed: 2, useful: 1, wasted: 0 });
  assert.deepEqual(warming.report(1000), { warmed: 2, useful: 1, wasted: 1 });
});

test('keeps to its bounds', () => {
  const warming = new Warming({ ...settings, maxVisitors: 2 });
  for (let nth = 0; nth < 1000; nth++) {
    warming.observe(`v${nth % 5}`, `p${nth % 50}`);
    warming.observe(`v${nth % 5}`, `q${nth % 70}`);
  }
  assert.deepEqual(warming.observe('fresh', 'p1'), []);
});
