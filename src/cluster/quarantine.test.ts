import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SimulatedClock } from '../kernel/index.ts';
import { Quarantine } from './quarantine.ts';

const settings = { deaths: 3, withinMs: 600_000, quarantineMs: 30_000, maxQuarantineMs: 100_000 };

function quarantine(): { readonly subject: Quarantine; readonly clock: SimulatedClock } {
  const clock = new SimulatedClock();
  return { subject: new Quarantine(settings, clock), clock };
}

const names = (verdicts: readonly { readonly fingerprint: string }[]): string[] => verdicts.map((one) => one.fingerprint);

describe('quarantine', () => {
  test('takes a request that was there at three deaths and never survived, and only that', () => {
    const { subject } = quarantine();
    assert.deepEqual(subject.onDeath(['GET /', 'GET /bad']), []);
    subject.onSurvived('GET /');
    assert.deepEqual(subject.onDeath(['GET /', 'GET /bad', 'GET /slow']), []);
    subject.onSurvived('GET /');
    assert.deepEqual(names(subject.onDeath(['GET /', 'GET /bad'])), ['GET /bad']);
    assert.deepEqual(subject.orders().quarantine, [{ fingerprint: 'GET /bad', forMs: 30_000 }]);
    assert.equal(subject.size, 1);
  });

  test('knows a request by its query when the deaths agree on it, otherwise by its path', () => {
    const { subject } = quarantine();
    for (let death = 0; death < 2; death++) assert.deepEqual(subject.onDeath(['GET /search?q=%00']), []);
    assert.deepEqual(names(subject.onDeath(['GET /search?q=%00'])), ['GET /search?q=%00']);
    const other = quarantine().subject;
    for (let death = 0; death < 2; death++) assert.deepEqual(other.onDeath([`GET /search?q=${death}`]), []);
    assert.deepEqual(names(other.onDeath(['GET /search?q=9'])), ['GET /search']);
  });

  test('lets a request out after its time, and takes it back for longer at the next death', async () => {
    const { subject, clock } = quarantine();
    const kill = (): string[] => subject.onDeath(['GET /bad']).map(({ forMs }) => String(forMs));
    const [first] = [kill(), kill(), kill()].flat();
    assert.equal(first, '30000');
    subject.onSurvived('GET /bad');
    assert.equal(subject.size, 1, 'one that was under way already says nothing');
    await clock.advance(30_001);
    assert.equal(subject.tick(), true);
    assert.equal(subject.size, 0);
    assert.deepEqual(subject.orders().suspects, ['GET /bad']);
    assert.deepEqual(kill(), ['60000']);
    await clock.advance(60_001);
    subject.tick();
    assert.deepEqual(kill(), ['100000'], 'never longer than the longest');
    await clock.advance(100_001);
    subject.tick();
    subject.onSurvived('GET /bad');
    assert.deepEqual(kill(), [], 'who survived begins anew');
  });

  test('forgets deaths long past, and has nothing written down when none was of late', async () => {
    const { subject, clock } = quarantine();
    assert.equal(subject.orders().write, false);
    subject.onDeath(['GET /bad']);
    subject.onDeath(['GET /bad']);
    assert.equal(subject.orders().write, true);
    assert.equal(subject.tick(), false);
    await clock.advance(600_001);
    assert.equal(subject.tick(), true);
    assert.deepEqual(subject.orders(), { write: false, suspects: [], quarantine: [] });
    assert.deepEqual(subject.onDeath(['GET /bad']), []);
  });

  test('has the workers write after a death without a word, until some time has passed', async () => {
    const { subject, clock } = quarantine();
    subject.onDeath([]);
    assert.equal(subject.orders().write, true);
    await clock.advance(600_001);
    assert.equal(subject.tick(), true);
    assert.equal(subject.orders().write, false);
    assert.equal(subject.tick(), false);
  });

  test('remembers a bounded number of suspects', () => {
    const { subject } = quarantine();
    for (let death = 0; death < 30; death++) subject.onDeath(Array.from({ length: 100 }, (_, n) => `GET /${death}-${n}`));
    assert.equal(subject.orders().suspects.length, 1000);
  });
});
