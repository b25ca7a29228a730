import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fuzz } from './fuzz-run.ts';

const kept = JSON.parse(readFileSync(join(import.meta.dirname, 'fuzz-seeds.json'), 'utf8')) as number[];
const CASES = 1500;

test('whatever bytes come, both ways through the gateway answer alike, and the origin hears nothing doubtful', async () => {
  const seeds = [...kept, ...Array.from({ length: CASES }, (_, seed) => seed)];
  const { findings, cases } = await fuzz({ seeds, untilMs: Infinity });
  assert.deepEqual(findings, []);
  assert.equal(cases, seeds.length);
});
