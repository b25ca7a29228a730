import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom, type Random } from '../kernel/index.ts';
import { LeakDetector, type LeakVerdict } from './leak.ts';

const LIMIT = 2 * 2 ** 30;
const MB = 2 ** 20;
const HOUR = 3_600_000;

/** Live bytes as a function of hours since the start. */
type Workload = (hours: number, random: Random) => number;

/** Runs a workload with a major collection every two minutes or so; returns a verdict for every ten minutes of the run. */
function verdictsOf(workload: Workload, hours: number, seed: number, restartEveryHours = Infinity): LeakVerdict[] {
  const random = seededRandom(seed);
  let detector = new LeakDetector(LIMIT, 0);
  let life = 0;
  const verdicts: LeakVerdict[] = [];
  for (let atMs = 0, nextMs = 0; atMs < hours * HOUR; atMs += 60_000 + random.next() * 120_000) {
    const currentLife = Math.floor(atMs / HOUR / restartEveryHours) || 0;
    if (currentLife !== life) detector = new LeakDetector(LIMIT, atMs);
    life = currentLife;
    const requests = { page: Math.round((atMs / HOUR) * 36_000), api: Math.round(10_000 * random.next() + (atMs / HOUR) * 3000) };
    detector.add({ atMs, liveBytes: workload(atMs / HOUR, random), requests });
    if (atMs < nextMs) continue;
    nextMs = atMs + 600_000;
    verdicts.push(detector.verdict());
  }
  return verdicts;
}

const noise = (random: Random, mb: number): number => (random.next() + random.next() - 1) * mb * MB;

const bounded: Record<string, Workload> = {
  steady: (_, random) => 180 * MB + noise(random, 6),
  'a cache that fills': (hours, random) => (120 + 400 * (1 - Math.exp(-hours / 0.7))) * MB + noise(random, 8),
  'a cache that fills slowly': (hours, random) => (120 + 300 * (1 - Math.exp(-hours / 3))) * MB + noise(random, 8),
  'day and night': (hours, random) => (200 + 90 * Math.sin((hours / 24) * 2 * Math.PI)) * MB + noise(random, 10),
  bursts: (hours, random) => (160 + (hours % 2 < 0.25 ? 250 : 0)) * MB + noise(random, 8),
  deploys: (hours, random) => (150 + 80 * (1 - Math.exp(-(hours % 3) / 0.3))) * MB + noise(random, 6),
  'steps up to a plateau': (hours, random) => (150 + 40 * Math.min(4, Math.floor(hours / 0.6))) * MB + noise(random, 6),
  'heavy noise': (_, random) => 300 * MB + noise(random, 150),
};

for (const [name, workload] of Object.entries(bounded)) {
  test(`no alarm: ${name}`, () => {
    for (let seed = 1; seed <= 2; seed++) {
      const wrong = verdictsOf(workload, 48, seed, name === 'deploys' ? 3 : Infinity).filter(
        ({ verdict }) => verdict === 'leaking',
      );
      assert.equal(wrong.length, 0, `seed ${seed}: ${wrong[0]?.text}`);
    }
  });
}

test('at least 9 of 10 leaks are found, from half a percent of the limit an hour up', () => {
  const shares = [0.006, 0.008, 0.01, 0.015, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2];
  const found = shares.filter((share, seed) => {
    const leak: Workload = (hours, random) => 150 * MB + share * LIMIT * hours + noise(random, 8);
    return verdictsOf(leak, Math.min(40, 0.8 / share), seed).at(-1)!.verdict === 'leaking';
  });
  assert.ok(found.length >= 9, `found ${found.join(', ')}`);
});

test('a leak is told with its pace, the time left, and what it grows with', () => {
  const leak: Workload = (hours, random) => 150 * MB + 72 * MB * hours + noise(random, 4);
  const { text, bytesPerHour, hoursToLimit } = verdictsOf(leak, 8, 5).at(-1)!;
  assert.ok(Math.abs(bytesPerHour - 72 * MB) < 6 * MB);
  assert.ok(Math.abs(hoursToLimit! - (2048 - 150 - 576) / 72) < 3);
  assert.match(text, /grows by \d+(\.\d)?mb an hour, at its limit in 1\d\.\d h: 2(\.\d)?kb with each request of class page/);
});

test('early on nothing is claimed', () => {
  assert.equal(verdictsOf((hours) => 100 * MB + hours * 500 * MB, 0.3, 1).at(-1)!.verdict, 'unknown');
});
