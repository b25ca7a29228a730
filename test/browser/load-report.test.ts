/** The load report as people see it, in Chromium: nothing is fetched, nothing is refused, everything fits. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { chromium, type Browser, type Page } from 'playwright-core';
import {
  constant,
  defineLoad,
  renderHtml,
  runLoad,
  STANDARD_LOADS,
  type LoadDefinition,
  type LoadReport,
} from '../../src/load/index.ts';
import { startPlannerApp, type PlannerApp } from '../load/planner-app.ts';
import { programPath } from '../servers/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'spillway-report-'));
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
let browser: Browser;
let app: PlannerApp;
before(async () => {
  browser = await chromium.launch({ executablePath: programPath('chromium'), args: ['--no-sandbox'] });
  app = await startPlannerApp();
});
after(async () => {
  await browser.close();
  app.close();
  rmSync(folder, { recursive: true });
});

async function show(name: string, report: LoadReport, width: number): Promise<{ page: Page; trouble: string[] }> {
  const file = join(folder, `${name}.html`);
  writeFileSync(file, renderHtml(report));
  const page = await browser.newPage({ viewport: { width, height: 900 } });
  const trouble: string[] = [];
  page.on('console', (message) => trouble.push(message.text()));
  page.on('pageerror', (error) => trouble.push(error.message));
  page.on('request', (request) => request.url().startsWith('file:') || trouble.push(request.url()));
  await page.goto(pathToFileURL(file).href);
  return { page, trouble };
}

for (const name of ['authentication', 'tasks', 'analytics', 'realtime'] as const) {
  test(`the report of ${name} is whole, quiet and accessible, on a desk and in a hand`, async () => {
    const { default: standard } = (await import(STANDARD_LOADS[name])) as { default: LoadDefinition };
    const sockets = standard.sockets && { ...standard.sockets, count: 40, ramp: '300ms', storms: [] };
    const report = await runLoad({
      ...standard,
      target: app.url,
      arrival: constant('100/s').for('1500ms'),
      ...(sockets ? { sockets } : {}),
    } as LoadDefinition);
    for (const width of [1100, 360]) {
      const { page, trouble } = await show(`${name}-${width}`, report, width);
      assert.ok((await page.locator('figure.chart svg').count()) >= 3);
      assert.match(await page.locator('.verdict').innerText(), /./);
      const [wide, inner] = (await page.evaluate('[document.documentElement.scrollWidth, innerWidth]')) as [number, number];
      assert.ok(wide <= inner, `${wide} px of content in ${inner} px`);
      // Through the debugger: the page's own policy allows no other script.
      await page.evaluate(AXE);
      const found = (await page.evaluate('axe.run()')) as { violations: { id: string; nodes: { html: string }[] }[] };
      assert.deepEqual(
        found.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`),
        [],
      );
      assert.deepEqual(trouble, []);
      await page.close();
    }
  });
}

test('the pointer shows the values of the moment it is at', async () => {
  const report = await runLoad(defineLoad({ target: app.url, arrival: constant('200/s').for('1500ms') }));
  const { page, trouble } = await show('pointer', report, 1100);
  const chart = page.locator('figure.chart', { hasText: 'Time to answer' });
  await chart.locator('svg:visible').hover();
  assert.match(await chart.locator('output').innerText(), /half \d/);
  assert.deepEqual(trouble, []);
});

test('text from outside stays text', async () => {
  const report = await runLoad(defineLoad({ target: app.url, arrival: constant('50/s').for('1s') }));
  const evil = '<img src=x onerror=alert(1)>"\'</script>';
  const { page, trouble } = await show('evil', { ...report, target: evil, errors: { [evil]: 1 }, scriptErrors: [evil] }, 1100);
  assert.equal(await page.locator('img').count(), 0);
  assert.ok((await page.locator('h1').innerText()).includes(evil));
  assert.deepEqual(trouble, []);
});
