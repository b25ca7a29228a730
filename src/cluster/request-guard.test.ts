import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { SimulatedClock } from '../kernel/index.ts';
import { LastWords } from './last-words.ts';
import { RequestGuard } from './request-guard.ts';

const get = (path: string, query = '') => ({ method: 'GET', path, query });
const calm = { write: false, suspects: [], quarantine: [] };

describe('the guard in a worker', () => {
  let words: LastWords;
  let clock: SimulatedClock;
  let survived: string[];
  let guard: RequestGuard;
  beforeEach(() => {
    words = LastWords.open()!;
    clock = new SimulatedClock();
    survived = [];
    guard = new RequestGuard(words, clock, (fingerprint) => survived.push(fingerprint));
  });
  afterEach(() => words.close());

  test('leaves word of what is in flight, and of nothing else', () => {
    const [a, , c] = [guard.begin(get('/a')), guard.begin(get('/b', 'x=ä')), guard.begin(get('/c'))];
    a.end();
    a.end();
    guard.begin(get('/d'));
    c.end();
    assert.deepEqual(words.read(), [], 'nothing is written while all is well');
    guard.leaveWord();
    assert.deepEqual(words.read().sort(), ['GET /b?x=ä', 'GET /d']);
  });

  test('writes each request down before it begins, once told to', () => {
    const before = guard.begin(get('/before'));
    guard.obey({ ...calm, write: true });
    const after = guard.begin(get('/after', `q=${'x'.repeat(1000)}`));
    assert.deepEqual(
      words.read().map((one) => one.length),
      ['GET /before'.length, 255],
    );
    before.end();
    after.end();
    assert.deepEqual(words.read(), []);
    guard.begin(get('/other'));
    guard.obey(calm);
    assert.deepEqual(words.read(), []);
  });

  test('refuses what is in quarantine, by target or by path, until its time is over', async () => {
    guard.obey({ ...calm, quarantine: [{ fingerprint: 'GET /bad', forMs: 1000 }] });
    assert.equal(guard.begin(get('/bad')).refusedForMs, 1000);
    assert.equal(guard.begin(get('/bad', 'q=1')).refusedForMs, 1000);
    assert.equal(guard.begin({ ...get('/bad'), method: 'POST' }).refusedForMs, 0);
    assert.equal(guard.refused, 2);
    await clock.advance(1000);
    assert.equal(guard.begin(get('/bad')).refusedForMs, 0);
    guard.obey({ ...calm, quarantine: [{ fingerprint: 'GET /bad?q=1', forMs: 1000 }] });
    assert.equal(guard.begin(get('/bad')).refusedForMs, 0);
    assert.equal(guard.begin(get('/bad', 'q=1')).refusedForMs, 1000);
  });

  test('reports suspects that were answered, once, or that run on without harm', async () => {
    guard.obey({ ...calm, suspects: ['GET /a', 'GET /a?x=1', 'GET /stream'] });
    const [first, second] = [guard.begin(get('/a', 'x=1')), guard.begin(get('/a'))];
    guard.begin(get('/stream'));
    guard.begin(get('/other')).end();
    assert.deepEqual(survived, []);
    first.end();
    second.end();
    assert.deepEqual(survived.splice(0), ['GET /a?x=1', 'GET /a']);
    await clock.advance(10_000);
    assert.deepEqual(survived, ['GET /stream']);
  });

  test('keeps a bounded record', () => {
    const many = Array.from({ length: 3000 }, (_, n) => guard.begin(get(`/${n}`)));
    guard.leaveWord();
    assert.equal(words.read().length, 1024);
    for (const one of many) one.end();
    guard.leaveWord();
    assert.deepEqual(words.read(), []);
  });

  test('goes without a record where none can be kept', () => {
    const without = new RequestGuard(undefined, clock, () => {});
    without.obey({ ...calm, write: true });
    without.begin(get('/a')).end();
    without.leaveWord();
  });
});
