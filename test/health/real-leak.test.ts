/** The leak verdict on real heaps: real allocations and real major collections, with a minute passing between two of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { LeakDetector, type LeakVerdict } from '../../src/health/leak.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const MINUTE = 60_000;
const LIMIT = 256 * 2 ** 20;

/** Serves `perMinute` requests in each of 90 minutes; `serve` says how many bytes its caches declare. */
function verdictAfter(serve: (request: number) => number): LeakVerdict {
  const detector = new LeakDetector(LIMIT, 0);
  const perMinute = 400;
  let declaredBytes = 0;
  for (let minute = 1; minute <= 90; minute++) {
    for (let at = 0; at < perMinute; at++) declaredBytes = serve(minute * perMinute + at);
    collectGarbage();
    const { heapUsed, external } = process.memoryUsage();
    detector.add({
      atMs: minute * MINUTE,
      liveBytes: heapUsed + external - declaredBytes,
      requests: { page: minute * perMinute },
    });
  }
  return detector.verdict();
}

test('a cache that fills and turns over is steady', () => {
  const cache = new Map<string, string[]>();
  const { verdict, text } = verdictAfter((request) => {
    cache.set(
      `/page/${request % 9000}`,
      Array.from({ length: 40 }, (_, line) => `line ${line} of ${request}`),
    );
    if (cache.size > 5000) cache.delete(cache.keys().next().value!);
    return cache.size * 40 * 40;
  });
  assert.equal(verdict, 'steady', text);
});

test('a listener that is never removed is found, with what it costs a request', () => {
  const cache = new Map<number, string>();
  const forgotten: (() => string)[] = [];
  const { verdict, text } = verdictAfter((request) => {
    cache.set(request % 500, `page ${request}`.repeat(20));
    const session = { request, notes: Array.from({ length: 400 }, (_, note) => request + note + 0.5) };
    forgotten.push(() => session.notes.join());
    return 500 * 200;
  });
  assert.equal(verdict, 'leaking', text);
  assert.match(text, /with each request of class page/);
});
