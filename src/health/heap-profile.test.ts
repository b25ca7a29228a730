import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SimulatedClock } from '../kernel/index.ts';
import { eventually } from '../../test/servers/index.ts';
import { recordHeapProfile } from './heap-profile.ts';

test('a heap profile names who allocates; a second one while it runs is the same', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-heap-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const clock = new SimulatedClock();
  const file = await recordHeapProfile(join(folder, 'new'), 30_000, clock);
  assert.equal(await recordHeapProfile(folder, 30_000, clock), file);
  const kept = hoardedStrings();
  await clock.advance(30_000);
  await eventually('the file is written', () => existsSync(file) && readFileSync(file, 'utf8').endsWith('}'));
  const { head } = JSON.parse(readFileSync(file, 'utf8')) as { head: unknown };
  assert.match(JSON.stringify(head), /hoardedStrings/);
  assert.equal(kept.length, 20_000);
});

function hoardedStrings(): number[][] {
  return Array.from({ length: 20_000 }, (_, at) => Array.from({ length: 40 }, (_, n) => at + n + 0.5));
}
