/** The dashboard in real Chromium: what it shows, what it does, and how it looks. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import type { Change, HistorySlice } from '../../src/health/index.ts';
import { createPolicy } from '../../src/policy/index.ts';
import { startSpillway, type Running } from '../../src/serve.ts';
import { askAdmin } from '../health/ask-admin.ts';
import { eventually } from '../servers/index.ts';
import { launchChromium, openPage, scrollsSideways, seriousFaults, shoot } from './chromium.ts';
import { startLiveService, type LiveService, type LiveServiceOptions } from './live-service.ts';

/** Generous: a busy machine takes its time, and what is waited for comes or does not. */
const SOON_MS = 60_000;

let browser: Browser;
before(async () => {
  browser = await launchChromium();
});
after(() => browser.close());

const verdict = (page: Page): Promise<string | null> => page.locator('[data-verdict]').getAttribute('data-verdict');
const hopState = (page: Page, hop: string): Promise<string | null> =>
  page.locator(`[data-hop="${hop}"]`).getAttribute('data-state');

/** `PICTURES=folder` keeps what it looked like, for people to look at. */
const pictures = process.env['PICTURES'] ?? mkdtempSync(join(tmpdir(), 'spillway-pictures-'));

const LOOKS = [
  ['light', {}],
  ['dark', { colorScheme: 'dark' }],
  ['phone', { viewport: { width: 360, height: 780 } }],
] as const;

/** States a service can be in that the page must show well. */
const STATES: readonly (readonly [
  name: string,
  verdict: string,
  options: LiveServiceOptions,
  breakIt: (service: LiveService) => void,
])[] = [
  ['calm', 'healthy', { past: true }, () => undefined],
  ['new', 'healthy', { idle: true }, () => undefined],
  ['impaired', 'degraded', { past: true }, (service) => service.setEndpoints([true, false])],
  [
    'failing',
    'critical',
    { past: true, workers: 3 },
    (service) => {
      service.setFailing(0.7);
      service.setEndpoints([false, false]);
    },
  ],
];

for (const [state, expected, options, breakIt] of STATES) {
  test(`${state}: it looks right, light, dark and on a phone, and axe finds no serious fault`, async (t) => {
    const service = await startLiveService(options);
    t.after(() => service.stop());
    breakIt(service);
    for (const [look, view] of LOOKS) {
      const { page, complaints, outside } = await openPage(browser, service.url, view);
      await page.waitForSelector(`[data-verdict="${expected}"]`);
      await page.waitForSelector('.u-wrap canvas');
      // The next second of data comes to charts that are drawn.
      await delay(1200);
      await shoot(page, join(pictures, `${state}-${look}.png`));
      assert.deepEqual(await seriousFaults(page), [], `${state} ${look}`);
      assert.deepEqual([complaints, outside], [[], []], `${state} ${look}`);
      assert.equal(await scrollsSideways(page), false, `${state} ${look} scrolls sideways`);
      await page.close();
    }
  });
}

test('everything can be reached and done by keyboard; an action is confirmed first', async (t) => {
  const service = await startLiveService();
  t.after(() => service.stop());
  const { page } = await openPage(browser, service.url);
  // Until the first figures are there the page is still being built, and takes what has the focus away.
  await page.waitForSelector('[data-verdict="healthy"]');
  const purge = page.locator('input[name="purge"]');
  await purge.pressSequentially('city:dallas /electricity-plans/austin');
  await purge.press('Enter');
  await page.waitForSelector('dialog[open]');
  await page.keyboard.press('Escape');
  await page.waitForSelector('dialog[open]', { state: 'detached' });
  assert.deepEqual(service.performed, []);
  await purge.press('Enter');
  await page.waitForSelector('dialog[open]');
  await page.locator('dialog .primary').press('Enter');
  await page.waitForSelector('.notice:not(:empty)');
  const request = { tags: ['city:dallas'], paths: ['/electricity-plans/austin'], all: false, soft: true };
  assert.deepEqual(service.performed, [{ action: 'purge', request }]);
  await page.waitForSelector('.changes [data-kind="purge"]');
  assert.match(
    await page.locator('.changes [data-kind="purge"]').innerText(),
    /soft purge tag city:dallas, \/electricity-plans\/austin.*by 127\.0\.0\.1/s,
  );
  await page.close();
});

test('where machines share their history, the charts show all of them or this one', async (t) => {
  const service = await startLiveService({
    past: true,
    others: async ({ signals, stepMs, fromMs, toMs }) => {
      const first = Math.ceil(fromMs / stepMs);
      const rows = Array.from({ length: Math.floor(toMs / stepMs) - first }, (_, at) => ({
        stepMs,
        atMs: (first + at) * stepMs,
        values: new Map(signals.map((signal) => [signal, signal === 'http.2xx' ? 10_000 : 0])),
      }));
      return [{ node: 'another', rows }];
    },
  });
  t.after(() => service.stop());
  const { page, complaints } = await openPage(browser, service.url);
  const answered = page.locator('.tile').first().locator('.key', { hasText: 'answered' });
  await page.getByRole('button', { name: 'All 2' }).click();
  await answered.filter({ hasText: /answered 10,\d{3}\/s/ }).waitFor();
  await page.getByRole('button', { name: 'This machine' }).click();
  await answered.filter({ hasText: /answered \d{2,3}\/s/ }).waitFor();
  assert.deepEqual(await seriousFaults(page), []);
  assert.deepEqual(complaints, []);
  await page.close();
});

test('an endpoint is drained from the page, once that is confirmed', async (t) => {
  const service = await startLiveService();
  t.after(() => service.stop());
  const { page } = await openPage(browser, service.url);
  await page.locator('[data-endpoint="http://127.0.0.1:3002"] button').click();
  await page.getByText('Drain http://127.0.0.1:3002?').waitFor();
  assert.deepEqual(service.performed, []);
  await page.locator('dialog .primary').click();
  await page.locator('.changes [data-kind="upstream"]').filter({ hasText: 'drain http://127.0.0.1:3002 of site' }).waitFor();
  const request = { upstream: 'site', endpoint: 'http://127.0.0.1:3002', drained: true };
  assert.deepEqual(service.performed, [{ action: 'drainEndpoint', request }]);
  await page.close();
});

test('a token is asked for, a wrong one refused, and the right one opens the page', async (t) => {
  const service = await startLiveService({ token: 'a-token-of-16-chars' });
  t.after(() => service.stop());
  const { page } = await openPage(browser, service.url);
  await page.getByLabel('Admin token').fill('not-the-right-token');
  await page.getByRole('button', { name: 'Open the dashboard' }).click();
  await page.getByRole('alert').waitFor();
  await page.getByLabel('Admin token').fill('a-token-of-16-chars');
  await page.getByRole('button', { name: 'Open the dashboard' }).click();
  await page.waitForSelector('[data-verdict="healthy"]');
  await page.waitForSelector('[data-class="critical"]');
  await page.close();
});

test('old data is grey and unknown, never green', async (t) => {
  const service = await startLiveService();
  t.after(() => service.stop());
  const { page } = await openPage(browser, service.url);
  await page.waitForSelector('[data-verdict="healthy"]');
  await service.admin.stop();
  await page.waitForSelector('[data-verdict="unknown"]', { timeout: SOON_MS });
  assert.equal(await page.locator('.page').getAttribute('data-stale'), 'true');
  assert.match(await page.locator('.verdict .cause').innerText(), /Nothing was heard for \d s; it was healthy then/);
  await page.close();
});

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-dashboard-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A gateway with one worker before `origin`. The worker reads its config from a file, as all workers do. */
async function startGateway(folder: string, origin: string): Promise<Running> {
  const config = {
    listen: { port: 0, host: '127.0.0.1' },
    admin: { port: 0 },
    upstreams: { site: { endpoints: [origin] } },
    history: { file: join(folder, 'history.db') },
    routes: { '/pages/**': { class: 'normal', upstream: 'site' }, '/api/**': { class: 'api', upstream: 'site', cache: false } },
  };
  const configPath = join(folder, 'spillway.config.mjs');
  writeFileSync(configPath, `export default ${JSON.stringify(config)};`);
  return startSpillway(createPolicy(config), { configPath });
}

test('the dashboard of a gateway that serves: live figures, a dead upstream, a purge', async (t) => {
  let made = 0;
  const site = createServer((_request, response) => {
    made++;
    response.writeHead(200, { 'content-type': 'text/html', 'cache-control': 'public' }).end(`<p>made ${made}</p>`);
  });
  site.listen(0, '127.0.0.1');
  await eventually('the site listens', () => site.listening);
  const running = await startGateway(temporaryFolder(t), `http://127.0.0.1:${(site.address() as AddressInfo).port}`);
  const end = new AbortController();
  const ask = async (path: string): Promise<Response> => {
    const response = await fetch(running.siteUrl + path);
    await response.arrayBuffer();
    return response;
  };
  const traffic = (async () => {
    for (let at = 0; !end.signal.aborted; at++) {
      await Promise.all([ask(`/pages/${at % 20}`), ask(`/pages/${at % 7}`), ask('/api/things')]).catch(() => undefined);
      // The pace of the visitors.
      await delay(20);
    }
  })();
  t.after(async () => {
    end.abort();
    await traffic;
    await running.stop();
    site.closeAllConnections();
    site.close();
  });
  const { page, complaints, outside } = await openPage(browser, running.adminUrl);
  await page.waitForSelector('[data-class="normal"]');
  await page.waitForSelector('[data-verdict="healthy"]');

  await eventually(
    'the rate on the page is that of /metrics',
    async () => {
      const scraped = async (): Promise<number> => {
        const text = await (await fetch(`${running.adminUrl}/metrics`)).text();
        return [...text.matchAll(/^spillway_http_requests_total\{.*\} (\d+)$/gm)].reduce(
          (sum, [, value]) => sum + Number(value),
          0,
        );
      };
      const [first, startMs] = [await scraped(), performance.now()];
      // A rate is what is counted over a time.
      await delay(2000);
      const perSecond = ((await scraped()) - first) / ((performance.now() - startMs) / 1000);
      const shown = Number((await page.locator('.tile .value').first().innerText()).replace(/[^\d.]/g, ''));
      return perSecond > 10 && Math.abs(shown - perSecond) < 0.3 * perSecond;
    },
    SOON_MS,
  );

  assert.match((await ask('/pages/3')).headers.get('cache-status') ?? '', /hit/);
  await page.locator('input[name="purge"]').fill('/pages/3');
  await page.getByLabel(/soft/).uncheck();
  await page.getByRole('button', { name: 'Purge…' }).click();
  await page.locator('dialog .primary').click();
  await page.waitForSelector('.changes [data-kind="purge"]');
  assert.match(await page.locator('.changes [data-kind="purge"]').innerText(), /purge \/pages\/3/);

  site.closeAllConnections();
  site.close();
  const deadMs = performance.now();
  await eventually('the verdict turns', async () => (await verdict(page)) !== 'healthy', SOON_MS);
  await eventually('the path strip turns', async () => (await hopState(page, 'upstream')) === 'broken', SOON_MS);
  t.diagnostic(`verdict and path strip turned after ${Math.round(performance.now() - deadMs)} ms`);
  assert.match(await page.locator('.verdict .cause').innerText(), /upstream site is down/i);
  assert.equal((await ask('/pages/4')).status, 200);
  assert.deepEqual([complaints, outside], [[], []]);
  await page.close();
});

test('history is there again after a restart of the gateway', async (t) => {
  const folder = temporaryFolder(t);
  const known = async ({ adminUrl }: Running): Promise<number> => {
    const { series } = await askAdmin<HistorySlice>(`${adminUrl}/api/history?signals=http.rate`);
    return series['http.rate']!.filter((value) => value !== null && value > 0).length;
  };
  const first = await startGateway(folder, 'http://127.0.0.1:9');
  await eventually(
    'a second with requests is history',
    async () => {
      await fetch(`${first.siteUrl}/api/x`).then((response) => response.arrayBuffer());
      return (await known(first)) >= 2;
    },
    SOON_MS,
  );
  const before = await known(first);
  await first.stop();
  const second = await startGateway(folder, 'http://127.0.0.1:9');
  t.after(() => second.stop());
  assert.ok((await known(second)) >= before);
  const changes = await askAdmin<Change[]>(`${second.adminUrl}/api/timeline`);
  assert.equal(changes.filter(({ kind }) => kind === 'start').length, 2);
});
