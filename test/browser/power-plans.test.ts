/** The example's pages in a real browser: readable for everyone, wide and narrow, light and dark, with and without scripts. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { createSiteServer } from '../../examples/power-plans/server.ts';
import { Site } from '../../examples/power-plans/site.ts';
import { openStore } from '../../examples/power-plans/store/store.ts';
import { programPath } from '../servers/index.ts';

const PAGES = [
  '/',
  '/electricity-plans/dallas',
  '/electricity-plans/dallas/12-month+fixed-rate',
  '/plans/9',
  '/admin/prices',
  '/electricity-plans/dalas',
];
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const WIDE = { width: 1280, height: 900 };
const NARROW = { width: 360, height: 740 };

const opened: (() => unknown)[] = [];
let browser: Browser;
let base: string;

before(async () => {
  const store = await openStore();
  opened.push(() => store.close());
  const site = new Site(store, { publicUrl: 'https://example.com', adminToken: 'a-token-for-this-test' });
  const server = createSiteServer(site).listen(0, '127.0.0.1');
  opened.push(() => server.close().closeAllConnections());
  await once(server, 'listening');
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  browser = await chromium.launch({ executablePath: programPath('chromium'), args: ['--no-sandbox', '--disable-gpu'] });
  opened.push(() => browser.close());
});

after(async () => {
  for (const close of opened.toReversed()) await close();
});

async function open(path: string, options: BrowserContextOptions): Promise<Page> {
  const page = await (await browser.newContext(options)).newPage();
  await page.goto(base + path);
  return page;
}

for (const colorScheme of ['light', 'dark'] as const) {
  for (const viewport of [WIDE, NARROW]) {
    test(`axe finds nothing on any page, ${colorScheme}, ${viewport.width} px wide`, async () => {
      for (const path of PAGES) {
        const page = await open(path, { colorScheme, viewport });
        // Through the debugger: the site's own policy allows no script at all.
        await page.evaluate(AXE);
        const found = await page.evaluate(async () => {
          const { axe } = globalThis as unknown as { axe: { run(): Promise<{ violations: AxeViolation[] }> } };
          return (await axe.run()).violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`);
        });
        assert.deepEqual(found, [], path);
        await page.context().close();
      }
    });
  }
}

interface AxeViolation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string }[];
}

test('nothing is wider than the narrowest screen', async () => {
  for (const path of [...PAGES, '/cities/s', '/electricity-plans/north-richland-hills/no-cancellation-fee']) {
    const page = await open(path, { viewport: NARROW });
    const width = await page.evaluate('document.documentElement.scrollWidth');
    assert.equal(width, NARROW.width, path);
    await page.context().close();
  }
});

test('a visitor without scripts finds the city, narrows the choice, and widens it again', async () => {
  const page = await open('/', { javaScriptEnabled: false, viewport: WIDE });
  await page.getByRole('searchbox', { name: 'City in Texas' }).fill('Fort Worth');
  await page.getByRole('button', { name: 'Find plans' }).click();
  await page.getByRole('heading', { level: 1, name: 'Electricity plans in Fort Worth' }).waitFor();
  await page.getByRole('link', { name: /^12 months/ }).click();
  await page.getByRole('link', { name: /^100% renewable/ }).click();
  assert.equal(new URL(page.url()).pathname, '/electricity-plans/fort-worth/green-energy+12-month');
  const rows = await page.getByRole('row').count();
  await page.getByRole('link', { name: 'Remove: 12 months' }).click();
  assert.equal(new URL(page.url()).pathname, '/electricity-plans/fort-worth/green-energy');
  assert.ok((await page.getByRole('row').count()) > rows);
});

test('the first tab stop leads past the header', async () => {
  const page = await open('/electricity-plans/dallas', { viewport: WIDE });
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate('document.activeElement.id'), 'main');
});

test('the browser reports nothing amiss', async () => {
  const page = await (await browser.newContext()).newPage();
  const complaints: string[] = [];
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && complaints.push(message.text()));
  page.on('response', (response) => response.status() >= 400 && complaints.push(`${response.status()} ${response.url()}`));
  for (const path of PAGES.slice(0, 5)) await page.goto(base + path);
  assert.deepEqual(complaints, []);
});
