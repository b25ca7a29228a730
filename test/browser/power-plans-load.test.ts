/** The example's own load on the running example, and its report in Chromium. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import load from '../../examples/power-plans/load.ts';
import { constant, renderHtml, runLoad } from '../../src/load/index.ts';
import { eventually, freePort, ServerProcess } from '../servers/index.ts';
import { launchChromium, openPage, seriousFaults } from './chromium.ts';

const folder = mkdtempSync(join(tmpdir(), 'spillway-load-'));
let browser: Browser;
let example: ServerProcess;
let siteUrl: string;

before(async () => {
  const [port, adminPort] = [await freePort(), await freePort()];
  siteUrl = `http://127.0.0.1:${port}`;
  const { DATABASE_URL: _, REDIS_URL: __, ...env } = process.env;
  const start = resolve(import.meta.dirname, '../../examples/power-plans/start.ts');
  example = new ServerProcess(process.execPath, ['--conditions=source', start], {
    env: { ...env, PORT: String(port), ADMIN_PORT: String(adminPort), POWER_PLANS_DATA: 'memory' },
  });
  browser = await launchChromium();
  await eventually('the example says what to try next', () => example.output.includes('Ctrl-C') || example.exited, 60_000);
  assert.ok(!example.exited, example.output);
});
after(async () => {
  await browser.close();
  await example.kill('SIGTERM');
  rmSync(folder, { recursive: true });
});

test('people browse the site by its plan, and the report tells of each tier', async () => {
  const report = await runLoad({ ...load, target: siteUrl, arrival: constant('50/s').for('4s') });
  assert.equal(report.iterations, 200, report.scriptErrors.join());
  for (const name of ['tier 1', 'tier 2', 'tier 3', 'search']) assert.ok(report.requests[name]!.completed > 0, name);
  // Nothing but what a busy machine sets aside on purpose.
  assert.deepEqual(
    Object.keys(report.errors).filter((kind) => kind !== 'status 503'),
    [],
  );

  const file = join(folder, 'run.html');
  writeFileSync(file, renderHtml(report));
  const { page, complaints, outside } = await openPage(browser, pathToFileURL(file).href);
  const text = await page.locator('body').innerText();
  for (const name of ['tier 1', 'tier 2', 'tier 3']) assert.ok(text.includes(name), name);
  assert.deepEqual(await seriousFaults(page), []);
  assert.deepEqual([...complaints, ...outside], []);
});
