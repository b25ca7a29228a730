import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { ConfigError } from './errors.ts';
import { count, deepFreeze, duration, formatPath, parseOptions, share, show, size } from './options.ts';

const schema = z.strictObject({
  name: z.string().optional(),
  ttl: duration({ min: '1s', max: '1h' }).prefault('30s'),
  maxBytes: size({ min: '1kb' }).prefault('64mb'),
  attempts: count(1, 10).default(3),
  ratio: share().default(0.2),
  mode: z.enum(['fast', 'safe']).default('safe'),
  on: z.boolean().default(true),
  list: z.array(z.strictObject({ window: duration(), limit: count() })).default([]),
  nested: z.record(z.string(), z.strictObject({ weight: count().default(1) })).prefault({}),
  either: z.union([z.string(), z.strictObject({ url: z.string(), weight: count().optional() })]).optional(),
});

function problemsOf(input: unknown): string[] {
  try {
    parseOptions(schema, input, 'createThing(options)');
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    assert.equal(error.subject, 'createThing(options)');
    return error.problems.map(({ path, message, fix }) => `${path}: ${message}${fix === undefined ? '' : ` → ${fix}`}`);
  }
  return [];
}

test('defaults are filled in, durations come out as ms and sizes as bytes', () => {
  assert.deepEqual(parseOptions(schema, { nested: { a: {} } }, 'x'), {
    ttl: 30_000,
    maxBytes: 64 * 1024 ** 2,
    attempts: 3,
    ratio: 0.2,
    mode: 'safe',
    on: true,
    list: [],
    nested: { a: { weight: 1 } },
  });
});

test('the result is frozen all the way down', () => {
  const { list, nested } = parseOptions(schema, { list: [{ window: '1s', limit: 1 }], nested: { a: {} } }, 'x');
  for (const value of [list, list[0], nested, nested['a']]) assert.ok(Object.isFrozen(value));
});

test('every kind of mistake is told in a sentence, with a fix where there is one', () => {
  const cases: [input: unknown, problem: string][] = [
    [
      { ttl: 30 },
      `ttl: 30 is not a duration such as '250ms', '30s' or '15m', from 1s to 1h → a number has no unit: write '30ms' or '30s'`,
    ],
    [{ ttl: '30 secs' }, `ttl: "30 secs" is not a duration such as '250ms', '30s' or '15m', from 1s to 1h → write '30s'`],
    [{ ttl: '2h' }, `ttl: "2h" is out of range: from 1s to 1h`],
    [{ ttl: 0 }, `ttl: 0 is out of range: from 1s to 1h`],
    [{ ttl: true }, `ttl: true is not a duration such as '250ms', '30s' or '15m', from 1s to 1h`],
    [{ maxBytes: '10b' }, 'maxBytes: "10b" is out of range: at least 1kb'],
    [{ maxBytes: '64 MiB' }, `maxBytes: "64 MiB" is not a size such as '16kb' or '64mb', at least 1kb → write '64mb'`],
    [{ attempts: 0 }, 'attempts: 0 is too small; at least 1'],
    [{ attempts: 11 }, 'attempts: 11 is too large; at most 10'],
    [{ attempts: 1.5 }, 'attempts: 1.5 is not a whole number'],
    [{ attempts: '3' }, 'attempts: "3" is not a number → write 3, without quotes'],
    [{ ratio: 20 }, 'ratio: 20 is too large; at most 1'],
    [{ mode: 'fsat' }, `mode: "fsat" is not one of "fast", "safe" → did you mean 'fast'?`],
    [{ mode: 3 }, 'mode: 3 is not one of "fast", "safe"'],
    [{ on: 'yes' }, 'on: "yes" is not true or false'],
    [{ name: 3 }, 'name: 3 is not a text'],
    [
      { list: { window: '1s', limit: 1 } },
      'list: {"window":"1s","limit":1} is not a list → write it in brackets: [{"window":"1s","limit":1}]',
    ],
    [{ list: [{ limit: 1 }] }, `list[0].window: is missing; expected a duration such as '250ms', '30s' or '15m'`],
    [{ list: [{ window: '1s' }] }, 'list[0].limit: is missing; expected a number'],
    [{ nam: 'x' }, `nam: unknown option 'nam' → did you mean 'name'?`],
    [{ list: [{ window: '1s', limit: 1, wnidow: 1 }] }, `list[0].wnidow: unknown option 'wnidow' → did you mean 'window'?`],
    [{ nested: { 'a b': { zzz: 1 } } }, `nested['a b'].zzz: unknown option 'zzz' → allowed: weight`],
    [{ either: 3 }, 'either: 3 is not a text or an object'],
    [{ either: { url: 'x', wieght: 1 } }, `either.wieght: unknown option 'wieght' → did you mean 'weight'?`],
    [{ either: { weight: 1 } }, 'either.url: is missing; expected a text'],
    [undefined, ': is missing; expected an object'],
    ['text', ': "text" is not an object'],
  ];
  for (const [input, problem] of cases) assert.deepEqual(problemsOf(input), [problem]);
});

test('all problems come at once, and the message lists them', () => {
  const input = { ttl: 'x', attempts: 99, zzz: 1 };
  assert.equal(problemsOf(input).length, 3);
  assert.throws(() => parseOptions(schema, input, 'createThing(options)'), {
    code: 'SPILLWAY_CONFIG_INVALID',
    message: [
      'createThing(options): 3 problems',
      `  ttl: "x" is not a duration such as '250ms', '30s' or '15m', from 1s to 1h`,
      '  attempts: 99 is too large; at most 10',
      `  zzz: unknown option 'zzz'`,
      '      allowed: name, ttl, maxBytes, attempts, ratio, mode, on, list, nested, either',
    ].join('\n'),
  });
});

test('paths are written as one would in code', () => {
  assert.equal(formatPath(['routes', '/api/**', 'limit', 0, 'window']), `routes['/api/**'].limit[0].window`);
  assert.equal(formatPath([]), '');
  assert.equal(formatPath([0, 'a']), '[0].a');
  assert.equal(formatPath(['upstreams', "it's"]), `upstreams['it\\'s']`);
});

test('values are shown as one would type them, cut to a readable length', () => {
  assert.deepEqual([undefined, null, 'a', 1, [1], () => {}, Symbol('x'), 10n].map(show), [
    'undefined',
    'null',
    '"a"',
    '1',
    '[1]',
    'a function',
    'Symbol(x)',
    '10n',
  ]);
  assert.equal(show('x'.repeat(100)).length, 58);
  const circle: Record<string, unknown> = {};
  circle['self'] = circle;
  assert.equal(show(circle), 'an object');
});

test('instances of classes are not frozen', () => {
  class Store {
    open = true;
  }
  const store = new Store();
  deepFreeze({ store, list: [store] });
  assert.ok(!Object.isFrozen(store));
});
