import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import axe from 'axe-core';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { programPath } from '../servers/index.ts';

/** Debian's Chromium. As root it runs without its sandbox: the only pages it sees are ours. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: programPath('chromium'), args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] });
}

/** A page with what it complained of and what it asked of hosts other than its own. */
export interface WatchedPage {
  readonly page: Page;
  readonly complaints: readonly string[];
  readonly outside: readonly string[];
}

export async function openPage(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<WatchedPage> {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, ...options });
  const complaints: string[] = [];
  const outside: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith('data:')) outside.push(request.url());
  });
  await page.goto(url);
  return { page, complaints, outside };
}

/** What axe-core finds serious or critical: rule, and where. */
export async function seriousFaults(page: Page): Promise<string[]> {
  // Evaluated rather than added as a script, which the page's own policy would refuse.
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => (globalThis as unknown as { axe: typeof axe }).axe.run());
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`);
}

/** A picture of the page, all of it or what the window shows. */
export async function shoot(page: Page, path: string, fullPage = true): Promise<void> {
  await page.screenshot({ path, fullPage });
  assert.ok(statSync(path).size > 20_000, `${path} is empty`);
}

export async function scrollsSideways(page: Page): Promise<boolean> {
  return page.evaluate<boolean>('document.documentElement.scrollWidth > document.documentElement.clientWidth');
}
