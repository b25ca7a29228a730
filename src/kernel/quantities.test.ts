import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { formatDuration, formatSize, parseDuration, parseSize, suggestDuration, suggestSize } from './quantities.ts';

test('durations are read as ms', () => {
  const cases: [text: unknown, ms: number | undefined][] = [
    ['250ms', 250],
    ['1s', 1000],
    ['15m', 900_000],
    ['1h30m', 5_400_000],
    ['1 h 30 m', 5_400_000],
    ['1.5h', 5_400_000],
    ['2D', 172_800_000],
    ['1w', 604_800_000],
    ['0s', 0],
    [0, 0],
    ['0', undefined],
    [15, undefined],
    ['', undefined],
    [' ', undefined],
    ['15', undefined],
    ['m', undefined],
    ['15min', undefined],
    ['-1s', undefined],
    ['1s!', undefined],
    ['!1s', undefined],
    ['1s,2s', undefined],
    ['1e3s', undefined],
    [null, undefined],
    [['1s'], undefined],
  ];
  for (const [text, ms] of cases) assert.equal(parseDuration(text), ms, JSON.stringify(text));
});

test('sizes are read as bytes, 1 kb being 1,024', () => {
  const cases: [text: unknown, bytes: number | undefined][] = [
    ['512b', 512],
    ['16kb', 16_384],
    ['1.5MB', 1_572_864],
    ['2gb', 2_147_483_648],
    [0, 0],
    [64, undefined],
    ['64', undefined],
    ['64m', undefined],
    ['64kib', undefined],
  ];
  for (const [text, bytes] of cases) assert.equal(parseSize(text), bytes, JSON.stringify(text));
});

test('a formatted duration is read back as it was', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10 ** 12 }), (ms) => {
      assert.equal(parseDuration(formatDuration(ms)), ms);
    }),
  );
  assert.deepEqual([90_000, 86_400_000, 1500, 0].map(formatDuration), ['1m30s', '1d', '1s500ms', '0']);
});

test('sizes are shown with at most one decimal', () => {
  assert.deepEqual([0, 1023, 1536, 64 * 1024 ** 2, 1.26 * 1024 ** 3].map(formatSize), ['0b', '1023b', '1.5kb', '64mb', '1.3gb']);
});

test('what was meant is suggested', () => {
  assert.equal(suggestDuration('15 minutes'), `write '15m'`);
  assert.equal(suggestDuration('1.5 Hrs'), `write '1.5h'`);
  assert.equal(suggestDuration(900), `a number has no unit: write '900ms' or '900s'`);
  assert.equal(suggestDuration('soon'), undefined);
  assert.equal(suggestDuration(-1), undefined);
  assert.equal(suggestSize('64 MiB'), `write '64mb'`);
  assert.equal(suggestSize('10 k'), `write '10kb'`);
  assert.equal(suggestSize(64), `a number has no unit: write '64b' or '64kb'`);
});

test('a suggestion can be written as it is', () => {
  const words = ['ms', 'millis', 'seconds', 'sec', 'min', 'minutes', 'hr', 'hours', 'day', 'days', 'weeks'];
  for (const word of words) {
    const suggested = /'(.+)'/.exec(suggestDuration(`3 ${word}`) ?? '')?.[1];
    if (suggested !== undefined) assert.notEqual(parseDuration(suggested), undefined, word);
  }
});
