/** The embedded PostgreSQL's folder: what is in it lasts, and it has one owner at a time. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { startPostgres } from '../../../test/servers/index.ts';
import { openStore } from './store.ts';

const folder = mkdtempSync(join(tmpdir(), 'power-plans-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('a price outlives the process that set it, also one that was killed', async () => {
  const first = await openStore(undefined, folder);
  const plan = (await first.plan(9))!;
  assert.equal((await first.setPrice(9, 2345))?.before, plan.price1000);
  await first.close();
  // A process that was killed leaves its id behind: nobody has this one.
  writeFileSync(join(folder, 'owner.pid'), '2147483646');
  const second = await openStore(undefined, folder);
  assert.equal((await second.plan(9))?.price1000, 2345);
  assert.equal((await second.allPlans()).length, 120);
  await second.close();
});

test('a folder that another process uses is refused, with what to do', async () => {
  const taken = join(folder, 'taken');
  mkdirSync(taken);
  writeFileSync(join(taken, 'owner.pid'), String(process.ppid));
  await assert.rejects(openStore(undefined, taken), /belongs to process \d+[\s\S]*POWER_PLANS_DATA=/);
});

test('several processes may start on one empty server at once', async () => {
  const postgres = await startPostgres();
  try {
    const stores = await Promise.all(Array.from({ length: 6 }, () => openStore(postgres.url)));
    for (const store of stores) {
      assert.equal((await store.allPlans()).length, 120);
      await store.close();
    }
  } finally {
    await postgres.stop();
  }
});
