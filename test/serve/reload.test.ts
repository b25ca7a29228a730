/** `spillway reload` and SIGHUP: a new config without a lost request, and a bad one that changes nothing. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createPolicy, loadConfig, type SpillwayConfig } from '../../src/policy/index.ts';
import { startSpillway, type Running } from '../../src/serve.ts';
import { eventually } from '../servers/index.ts';
import { startOrigin, type Origin } from './origin.ts';

const folder = mkdtempSync(join(tmpdir(), 'spillway-reload-'));
const file = join(folder, 'spillway.config.json');
let origin: Origin;
let running: Running;

function write(config: SpillwayConfig | string): void {
  const whole = { listen: { port: 0 }, admin: { port: 0 }, workers: 1, upstreams: { site: { endpoints: [origin.url] } } };
  writeFileSync(file, typeof config === 'string' ? config : JSON.stringify({ ...whole, ...config }));
}

/** What tells one config from another at the outside: how long a browser may keep a page. */
async function cacheControl(): Promise<string> {
  const response = await fetch(`${running.siteUrl}/city/dallas`);
  assert.equal(response.status, 200);
  await response.arrayBuffer();
  return response.headers.get('cache-control') ?? '';
}

async function reload(): Promise<number> {
  const response = await fetch(`${running.adminUrl}/reload`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'spillway-admin': '1' },
    body: '{}',
  });
  await response.text();
  return response.status;
}

before(async () => {
  origin = await startOrigin();
  write({ routes: { '/**': { class: 'high', browserTtl: '11m' } } });
  const loaded = await loadConfig(folder, file);
  running = await startSpillway(createPolicy(loaded!.config), { configPath: file });
});
after(async () => {
  await running.stop();
  await origin.stop();
  rmSync(folder, { recursive: true });
});

describe('reload', () => {
  test('a good config is in force afterwards', async () => {
    assert.match(await cacheControl(), /max-age=660\b/);
    write({ routes: { '/**': { class: 'high', browserTtl: '22m' } } });
    assert.equal(await reload(), 200);
    assert.match(await cacheControl(), /max-age=1320\b/);
  });

  test('a bad one is refused, and the old one stays', async () => {
    write('{ "routes": { "/**": { "class": "hihg" } } }');
    assert.ok((await reload()) >= 500);
    assert.match(await cacheControl(), /max-age=1320\b/);
  });

  test('SIGHUP does the same', async () => {
    write({ routes: { '/**': { class: 'high', browserTtl: '33m' } } });
    process.kill(process.pid, 'SIGHUP');
    await eventually('the new config is in force', async () => /max-age=1980\b/.test(await cacheControl()), 30_000);
  });
});
