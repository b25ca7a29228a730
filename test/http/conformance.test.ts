/**
 * The public HTTP cache test suite against the gateway. Every required and optimal test passes but those listed in
 * `conformance/expected/`, each with its reason; a listed one that passes is a failure too.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Profile } from '../../src/page/index.ts';
import { startGatewayUnderTest } from './conformance/gateway-under-test.ts';
import { Suite } from './conformance/suite.ts';

const suite = await Suite.load();

for (const profile of ['rfc', 'safe'] as const) {
  test(`profile ${profile} passes the suite (${suite.edition})`, { concurrency: true }, async () => {
    const origin = await suite.startOrigin();
    const gateway = await startGatewayUnderTest(origin.url, profile);
    try {
      const results = await suite.run(gateway.url);
      const failing = suite.tests.filter(({ id, kind }) => kind !== 'check' && results.get(id) !== 'pass').map(({ id }) => id);
      assert.deepEqual(failing.toSorted(), Object.keys(expectedFailures(profile)).toSorted());
    } finally {
      await gateway.stop();
      await origin.stop();
    }
  });
}

/** Ids of tests that fail, with why. */
function expectedFailures(profile: Profile): Record<string, string> {
  const file = join(import.meta.dirname, `conformance/expected/${suite.edition}-${profile}.json`);
  return JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
}
