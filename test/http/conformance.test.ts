/**
 * What the RFCs ask of a shared HTTP cache, clause by clause, against the whole path of a request. Profile `rfc` does all
 * of it. Profile `safe` does all but what a behaviour marks as left out on purpose, and that it really leaves out.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { behaviours } from './conformance/behaviours/index.ts';
import { Stage } from './conformance/stage.ts';

for (const profile of ['rfc', 'safe'] as const) {
  describe(`profile ${profile}`, () => {
    let stage: Stage;
    before(async () => {
      stage = await Stage.open(profile);
    });
    after(() => stage.close());

    for (const behaviour of behaviours) {
      const { clause, does, notInSafe } = behaviour;
      if (profile === 'safe' && notInSafe !== undefined) {
        it(`${clause}: not in safe (${notInSafe}): ${does}`, () => assert.rejects(stage.play(behaviour), assert.AssertionError));
      } else it(`${clause}: ${does}`, () => stage.play(behaviour));
    }
  });
}

it('no behaviour stands twice, and each names its clause', () => {
  const sentences = behaviours.map(({ clause, does }) => `${clause}: ${does}`);
  assert.deepEqual(sentences, [...new Set(sentences)]);
  for (const { clause } of behaviours) assert.match(clause, /^(RFC \d{4} §[\d.]+|draft-[\w-]+)$/);
});
