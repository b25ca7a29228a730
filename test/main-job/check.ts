/**
 * `npm run test:main-job`: starts the example as a stranger would, `npm start`, and walks through what the README says:
 * real pages, hits, conditions, brotli, one URL per page, a price change in force on every worker, a clean end.
 */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { planPages } from '../../examples/power-plans/page-plan.ts';
import { eventually, freePort } from '../servers/index.ts';

const root = join(import.meta.dirname, '../..');
const READY_WITHIN_MS = 60_000;
const TOKEN = 'main-job-check-token';

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
}

const [port, adminPort] = [await freePort(), await freePort()];
const site = `http://127.0.0.1:${port}`;
const admin = `http://127.0.0.1:${adminPort}`;
const startedMs = performance.now();
const main = spawn('npm', ['start'], {
  cwd: root,
  env: { ...process.env, PORT: String(port), ADMIN_PORT: String(adminPort), ADMIN_TOKEN: TOKEN, POWER_PLANS_DATA: 'memory' },
  stdio: ['ignore', 'pipe', 'inherit'],
  detached: true,
});
let printed = '';
main.stdout!.on('data', (chunk: Buffer) => (printed += chunk.toString()));

try {
  await step(`it serves within ${READY_WITHIN_MS / 1000} s and says what to try next`, serves);
  await step('a city page shows real plans, and is a hit the second time', isHit);
  await step('conditions are answered 304, brotli clients with stored brotli', speaksHttp);
  await step('all 881 city pages answer 200', everyCity);
  await step('another order of filters redirects to the canonical URL', redirects);
  await step('a price change of 5 % is on the affected pages at once on every worker; others stay hits', priceChange);
  await step('the dashboard, metrics and probes answer', watches);
  await step('SIGTERM ends everything cleanly', () => endsCleanly(main));
  console.log('8 passed, 0 failed');
} finally {
  if (main.exitCode === null) await end(main);
}

async function step(what: string, check: () => Promise<void>): Promise<void> {
  await check();
  console.log(`✔ ${what}`);
}

async function serves(): Promise<void> {
  await eventually(
    'npm start says where it serves',
    () => printed.includes(`127.0.0.1:${port}`) && printed.includes('Ctrl-C'),
    READY_WITHIN_MS,
  );
  console.log(`  ready after ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
  assert.equal((printed.match(/^\s*curl /gm) ?? []).length, 3);
}

async function isHit(): Promise<void> {
  await get('/electricity-plans/dallas');
  const { status, headers, body } = await get('/electricity-plans/dallas');
  assert.equal(status, 200);
  assert.match(headers['cache-status']!, /^spillway; hit/);
  assert.match(body.toString(), /kWh/);
  assert.match(body.toString(), /Dallas/);
}

async function speaksHttp(): Promise<void> {
  const { headers } = await get('/electricity-plans/dallas');
  assert.equal((await get('/electricity-plans/dallas', { 'if-none-match': headers['etag']! })).status, 304);
  await eventually('brotli is stored', async () => {
    const packed = await get('/electricity-plans/dallas', { 'accept-encoding': 'br' });
    return packed.headers['content-encoding'] === 'br' && brotliDecompressSync(packed.body).includes('Dallas');
  });
}

async function everyCity(): Promise<void> {
  const cities: string[] = [];
  for await (const { path } of planPages()) if (/^\/electricity-plans\/[^/]+$/.test(path)) cities.push(path);
  assert.equal(cities.length, 881);
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  const wrong = await Promise.all(
    cities.map(async (path) => {
      const { status, body } = await get(path, {}, agent);
      return status === 200 && !/undefined|NaN/.test(body.toString()) ? [] : [`${path}: ${status}`];
    }),
  );
  agent.destroy();
  assert.deepEqual(wrong.flat(), []);
}

async function redirects(): Promise<void> {
  const { status, headers } = await get('/electricity-plans/dallas/fixed-rate+12-month');
  assert.equal(status, 301);
  assert.match(headers['location']!, /\/electricity-plans\/dallas\/12-month\+fixed-rate$/);
}

async function priceChange(): Promise<void> {
  const { headers } = await get('/electricity-plans/dallas');
  const plan = /plan:(\d+)/.exec(headers['cache-tag']!)![1]!;
  const affected = ['/electricity-plans/dallas', `/plans/${plan}`];
  const unaffected = '/electricity-plans/houston';
  assert.ok(!(await get(unaffected)).headers['cache-tag']!.split(', ').includes(`plan:${plan}`), 'the two cities share the plan');
  for (const path of [...affected, unaffected]) await fromEveryWorker(path);
  // A price no plan has.
  const price = 98.7;
  assert.ok(!(await get(affected[0]!)).body.includes(String(price)));
  const changed = await fetch(`${site}/api/admin/plans/${plan}/price`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify({ price }),
  });
  assert.equal(changed.status, 200, await changed.text());
  for (const path of affected) {
    for (const { body } of await fromEveryWorker(path))
      assert.ok(body.includes(String(price)), `${path} still shows the old price`);
  }
  for (const answer of await fromEveryWorker(unaffected)) assert.match(answer.headers['cache-status']!, /^spillway; hit/);
}

async function watches(): Promise<void> {
  const dashboard = await fetch(admin);
  assert.equal(dashboard.status, 200);
  assert.match(await dashboard.text(), /<html/i);
  assert.match(await (await fetch(`${admin}/metrics`)).text(), /^spillway_page_/m);
  assert.equal((await fetch(`${admin}/readyz`)).status, 200);
  assert.equal((await fetch(`${admin}/livez`)).status, 200);
  // On a machine that is busy with other things the verdict may well be a bad one: it has to be there.
  assert.match(await (await fetch(`${admin}/healthz`)).text(), /"verdict"/);
}

async function endsCleanly(child: ChildProcess): Promise<void> {
  await end(child);
  await eventually(
    'nobody serves the site any more',
    () =>
      get('/').then(
        () => false,
        () => true,
      ),
    20_000,
  );
}

async function end(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  process.kill(-child.pid!, 'SIGTERM');
  await ended;
}

/** New connections, so that the kernel spreads them over the workers. */
function fromEveryWorker(path: string): Promise<Answer[]> {
  return Promise.all(Array.from({ length: 24 }, () => get(path)));
}

function get(path: string, headers: Record<string, string> = {}, agent = new Agent()): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(site + path, { headers, agent }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode!, headers: response.headers as Answer['headers'], body: Buffer.concat(chunks) }),
      );
    });
    sent.on('error', reject);
    sent.end();
  });
}
