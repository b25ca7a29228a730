/** The dashboard over the running example: a real site, real pages, a site that dies. */
import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import type { Change } from '../../src/health/index.ts';
import { askAdmin } from '../health/ask-admin.ts';
import { eventually, freePort, ServerProcess } from '../servers/index.ts';
import { launchChromium, openPage, scrollsSideways, seriousFaults, shoot } from './chromium.ts';

const root = resolve(import.meta.dirname, '../..');
/** `SCREENSHOTS=1 npm test -- test/browser/power-plans.test` renews the pictures of the docs. */
const forDocs = process.env['SCREENSHOTS'] !== undefined;
const pictures = forDocs ? join(root, 'docs/images') : mkdtempSync(join(tmpdir(), 'spillway-pictures-'));
/** Generous: a busy machine takes its time, and what is waited for comes or does not. */
const SOON_MS = 60_000;

let browser: Browser;
let example: ServerProcess;
let siteUrl: string;
let adminUrl: string;
const visitors = new AbortController();
let visiting: Promise<void>;

before(async () => {
  const [port, adminPort] = [await freePort(), await freePort()];
  siteUrl = `http://127.0.0.1:${port}`;
  adminUrl = `http://127.0.0.1:${adminPort}`;
  const { DATABASE_URL: _, REDIS_URL: __, ...env } = process.env;
  example = new ServerProcess(process.execPath, ['--conditions=source', join(root, 'examples/power-plans/start.ts')], {
    env: { ...env, PORT: String(port), ADMIN_PORT: String(adminPort), POWER_PLANS_DATA: 'memory' },
  });
  browser = await launchChromium();
  await eventually('the example says what to try next', () => example.output.includes('Ctrl-C') || example.exited, SOON_MS);
  assert.ok(!example.exited, example.output);
  visiting = visit();
});
after(async () => {
  visitors.abort();
  await visiting;
  await browser.close();
  await example.kill('SIGTERM');
});

async function ask(path: string): Promise<Response> {
  const response = await fetch(siteUrl + path);
  await response.arrayBuffer();
  return response;
}

const CITIES = ['dallas', 'houston', 'austin', 'san-antonio', 'plano', 'waco', 'tyler', 'abilene', 'el-paso', 'killeen'];
const FILTERS = ['12-month', '24-month', 'fixed-rate', 'green-energy', '12-month+fixed-rate'];

/** Steady visitors of pages, lists, the API (which shows whether the site lives, and allows 1,000 a minute), and of nothing. */
async function visit(): Promise<void> {
  for (let at = 0; !visitors.signal.aborted; at++) {
    const city = CITIES[at % CITIES.length];
    const paths = [
      `/electricity-plans/${city}`,
      `/electricity-plans/dallas`,
      `/electricity-plans/${city}/${FILTERS[at % FILTERS.length]}`,
      at % 5 === 0 ? '/api/plans' : '/',
      ...(at % 7 === 0 ? [`/cities/${'abcdefgh'[(at / 7) % 8]}`] : []),
      ...(at % 40 === 0 ? ['/not-here'] : []),
    ];
    await Promise.all(paths.map(ask)).catch(() => undefined);
    // The pace of the visitors.
    await delay(25);
  }
}

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

async function changes(): Promise<Change[]> {
  return askAdmin<Change[]>(`${adminUrl}/api/timeline`);
}

test('figures on the page are those of /metrics', async () => {
  const { page, complaints, outside } = await openPage(browser, adminUrl);
  await page.waitForSelector('[data-class="critical"]', { timeout: SOON_MS });
  await eventually(
    'the rate of class critical on the page is that of /metrics',
    async () => {
      const [before, startMs] = [await countedByClass(), performance.now()];
      // A rate is what is counted over a time.
      await delay(3000);
      const perSecond =
        ((await countedByClass()).get('critical')! - before.get('critical')!) / ((performance.now() - startMs) / 1000);
      const shown = numberIn(await page.locator('[data-class="critical"] [data-label="rate"]').innerText());
      return perSecond > 5 && Math.abs(shown - perSecond) < 0.3 * perSecond;
    },
    2 * SOON_MS,
  );
  assert.deepEqual([complaints, outside], [[], []]);
  await page.close();
});

test('a purge from the page empties the cache of that page, and is on the timeline of every page that is open', async () => {
  const purged = '/electricity-plans/lubbock';
  await ask(purged);
  await eventually('the page is stored', async () => /hit/.test((await ask(purged)).headers.get('cache-status') ?? ''), SOON_MS);
  const watching = await openPage(browser, adminUrl);
  const { page, complaints, outside } = await openPage(browser, adminUrl);
  await page.locator('input[name="purge"]').fill(purged);
  await page.getByLabel(/soft/).uncheck();
  await page.getByRole('button', { name: 'Purge…' }).click();
  await page.locator('dialog .primary').click();
  for (const one of [page, watching.page])
    await one
      .locator('.changes [data-kind="purge"]')
      .filter({ hasText: `purge ${purged} by 127.0.0.1` })
      .waitFor({ timeout: SOON_MS });
  assert.match((await ask(purged)).headers.get('cache-status') ?? '', /fwd=/);
  assert.deepEqual([complaints, outside, watching.complaints], [[], [], []]);
  await page.close();
  await watching.page.close();
});

test('it looks right, light, dark and on a phone, and axe finds no serious fault', async () => {
  // Pictures for the docs show charts with some minutes in them.
  if (forDocs) await delay(240_000);
  const looks = [
    ['dashboard-light', {}],
    ['dashboard-dark', { colorScheme: 'dark' }],
    ['dashboard-phone', { viewport: { width: 360, height: 1500 }, deviceScaleFactor: forDocs ? 2 : 1 }],
  ] as const;
  for (const [name, options] of looks) {
    const { page, complaints, outside } = await openPage(browser, adminUrl, options);
    await page.waitForSelector('[data-class="critical"]', { timeout: SOON_MS });
    await page.waitForSelector('.u-wrap canvas', { timeout: SOON_MS });
    // The next second of data comes to charts that are drawn.
    await delay(1500);
    await shoot(page, join(pictures, `${name}.png`), name !== 'dashboard-phone');
    assert.deepEqual(await seriousFaults(page), [], name);
    assert.equal(await scrollsSideways(page), false, `${name} scrolls sideways`);
    assert.deepEqual([complaints, outside], [[], []], name);
    await page.close();
  }
});

/** Notes every verdict with its cause and every state of the upstream that the page shows from now on. */
async function noteTurns(page: Page): Promise<() => Promise<{ verdicts: string[]; hops: string[] }>> {
  await page.evaluate(`
    window.turns = { verdicts: [], hops: [] };
    const look = () => {
      const verdict = document.querySelector('[data-verdict]');
      window.turns.verdicts.push(verdict?.dataset.verdict + ': ' + verdict?.querySelector('.cause')?.textContent);
      window.turns.hops.push(document.querySelector('[data-hop="upstream"]')?.dataset.state ?? '');
    };
    new MutationObserver(look).observe(document.querySelector('main'), { subtree: true, attributes: true, characterData: true });
  `);
  return () => page.evaluate<{ verdicts: string[]; hops: string[] }>('window.turns');
}

test('a dead site turns verdict and path strip and is named, stored pages go on, and it heals', async (t) => {
  const { page, complaints, outside } = await openPage(browser, adminUrl);
  await page.waitForSelector('[data-class="critical"]', { timeout: SOON_MS });
  const turns = await noteTurns(page);
  const killedMs = Date.now();
  process.kill(Number(/kill (?:-9 )?(\d+)/.exec(example.output)![1]), 'SIGKILL');
  await eventually(
    'verdict and path strip turn',
    async () => {
      const { verdicts, hops } = await turns();
      return (
        verdicts.some((text) => /^(?:degraded|critical): .*upstream site/i.test(text)) &&
        hops.some((state) => state === 'slow' || state === 'broken')
      );
    },
    SOON_MS,
  );
  const turned = (await changes()).find(({ kind, tone, atMs }) => kind === 'verdict' && tone === 'bad' && atMs >= killedMs)!;
  t.diagnostic(`the verdict turned ${turned.atMs - killedMs} ms after the site was killed: ${turned.text}`);
  assert.equal((await ask('/electricity-plans/dallas')).status, 200);
  await page.locator('[data-verdict="healthy"]').waitFor({ timeout: 3 * SOON_MS });
  assert.ok((await changes()).some(({ kind, tone, atMs }) => kind === 'verdict' && tone === 'good' && atMs > turned.atMs));
  assert.deepEqual([complaints, outside], [[], []]);
  await page.close();
});
