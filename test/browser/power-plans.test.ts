/** The dashboard over the running example: a real site, real pages, a site that dies. */
import assert from 'node:assert/strict';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Browser } from 'playwright-core';
import { eventually, freePort, ServerProcess } from '../servers/index.ts';
import { launchChromium, openPage, seriousFaults } from './chromium.ts';

const root = resolve(import.meta.dirname, '../..');
let browser: Browser;
let example: ServerProcess;
let siteUrl: string;
let adminUrl: string;

before(async () => {
  const [port, adminPort] = [await freePort(), await freePort()];
  siteUrl = `http://127.0.0.1:${port}`;
  adminUrl = `http://127.0.0.1:${adminPort}`;
  const { DATABASE_URL: _, REDIS_URL: __, ...env } = process.env;
  example = new ServerProcess(process.execPath, ['--conditions=source', join(root, 'examples/power-plans/start.ts')], {
    env: { ...env, PORT: String(port), ADMIN_PORT: String(adminPort), POWER_PLANS_DATA: 'memory' },
  });
  browser = await launchChromium();
  await eventually('the example says what to try next', () => example.output.includes('Ctrl-C') || example.exited, 60_000);
  assert.ok(!example.exited, example.output);
});
after(async () => {
  await browser.close();
  await example.kill('SIGTERM');
});

/** What `/metrics` says of requests by class. */
async function countedByClass(): Promise<Map<string, number>> {
  const text = await (await fetch(`${adminUrl}/metrics`)).text();
  const counts = new Map<string, number>();
  for (const [, name, value] of text.matchAll(/^spillway_http_requests_total\{class="(\w+)",[^}]*\} (\d+)$/gm))
    counts.set(name!, (counts.get(name!) ?? 0) + Number(value));
  return counts;
}

/** `1,234/s` → 1234 */
function numberIn(text: string): number {
  return Number(text.replace(/[^\d.]/g, ''));
}

test('live figures match /metrics; a dead site is named within 3 s, stored pages go on, and it heals', async (t) => {
  const end = new AbortController();
  const ask = async (path: string): Promise<number> => {
    const response = await fetch(siteUrl + path);
    await response.arrayBuffer();
    return response.status;
  };
  const traffic = (async () => {
    for (let at = 0; !end.signal.aborted; at++) {
      // The API is never stored: it shows whether the site lives. Its limit is 1,000 a minute.
      const pages = ['/electricity-plans/dallas', '/electricity-plans/houston', at % 5 === 0 ? '/api/plans' : '/'];
      await Promise.all(pages.map(ask)).catch(() => undefined);
      await delay(25);
    }
  })();
  t.after(async () => {
    end.abort();
    await traffic;
  });
  const { page, complaints, outside } = await openPage(browser, adminUrl);
  await page.waitForSelector('[data-class="critical"]');
  await eventually(
    'the rate of class critical on the page is that of /metrics',
    async () => {
      const [before, startMs] = [await countedByClass(), performance.now()];
      await delay(3000);
      const perSecond =
        ((await countedByClass()).get('critical')! - before.get('critical')!) / ((performance.now() - startMs) / 1000);
      const shown = numberIn(await page.locator('[data-class="critical"] [data-label="rate"]').innerText());
      return perSecond > 5 && Math.abs(shown - perSecond) < 0.3 * perSecond;
    },
    40_000,
  );
  assert.deepEqual(await seriousFaults(page), []);

  process.kill(Number(/kill (?:-9 )?(\d+)/.exec(example.output)![1]), 'SIGKILL');
  const killedMs = performance.now();
  const turned = async (): Promise<boolean> =>
    (await page.locator('[data-verdict]').getAttribute('data-verdict')) !== 'healthy' &&
    /slow|broken/.test((await page.locator('[data-hop="upstream"]').getAttribute('data-state')) ?? '');
  await eventually('verdict and path strip turn', turned, 5000);
  t.diagnostic(`turned ${Math.round(performance.now() - killedMs)} ms after the site was killed`);
  assert.match(await page.locator('.verdict').innerText(), /upstream site/i);
  assert.equal(await ask('/electricity-plans/dallas'), 200);
  await eventually(
    'it is healthy again',
    async () => (await page.locator('[data-verdict]').getAttribute('data-verdict')) === 'healthy',
    60_000,
  );
  assert.deepEqual([complaints, outside], [[], []]);
});
