/**
 * The public HTTP cache test suite against the gateway. In profile `rfc` every required test passes; there is no list of
 * failures to ignore. The published edition is older than RFC 9111 in places: what it wants against the RFC is named in
 * `public-suite/departures.ts`, and what holds instead is tested in `conformance/`.
 */
import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { behaviours } from './conformance/behaviours/index.ts';
import { leftOutInSafe, reuseLeftOut, superseded } from './public-suite/departures.ts';
import { startGatewayUnderTest } from './public-suite/gateway-under-test.ts';
import { type Kind, type Results, Suite } from './public-suite/suite.ts';

const suite = await Suite.load();
const outdated = suite.edition === 'package' ? superseded.flatMap(({ ids }) => ids) : [];

describe(`the public suite (${suite.edition})`, { concurrency: true }, () => {
  it('profile rfc: every required test that the RFCs bear out passes, and nine in ten of the optional ones', async () => {
    const results = await run('rfc');
    assert.deepEqual(failing(results, 'required'), outdated.toSorted());
    assert.deepEqual(failing(results, 'optimal'), Object.keys(reuseLeftOut).toSorted());
    const optional = suite.tests.filter(({ kind }) => kind === 'optimal').length;
    assert.ok(Object.keys(reuseLeftOut).length <= optional * 0.1, `${optional} optional tests`);
  });

  it('profile safe: it leaves out what it says it leaves out, and nothing else', async () => {
    const results = await run('safe');
    const expected = [...outdated, ...Object.keys(reuseLeftOut), ...Object.values(leftOutInSafe).flat()];
    const known = expected.filter((id) => kindOf(id) === 'required' || kindOf(id) === 'optimal');
    assert.deepEqual([...failing(results, 'required'), ...failing(results, 'optimal')].toSorted(), known.toSorted());
    assert.ok(failing(results, 'required').length - outdated.length <= 5);
  });
});

test('what the published edition wants against the RFCs is replaced by behaviours that hold', () => {
  const known = new Set(behaviours.map(({ does }) => does));
  for (const { ids, instead } of superseded) {
    assert.ok(instead.length > 0, ids.join());
    for (const sentence of instead) assert.ok(known.has(sentence), sentence);
  }
});

test('what safe leaves out of the suite is what it leaves out of the behaviours', () => {
  const reasons = new Set(behaviours.map(({ notInSafe }) => notInSafe));
  for (const why of Object.keys(leftOutInSafe)) assert.ok(reasons.has(why), why);
});

async function run(profile: 'rfc' | 'safe'): Promise<Results> {
  const origin = await suite.startOrigin();
  const gateway = await startGatewayUnderTest(origin.url, profile);
  try {
    return await suite.run(gateway.url);
  } finally {
    await gateway.stop();
    await origin.stop();
  }
}

function failing(results: Results, wanted: Kind): string[] {
  return suite.tests
    .filter(({ id, kind }) => kind === wanted && results.get(id) !== 'pass')
    .map(({ id }) => id)
    .toSorted();
}

function kindOf(wanted: string): Kind | undefined {
  return suite.tests.find(({ id }) => id === wanted)?.kind;
}
