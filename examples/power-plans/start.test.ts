/** `npm start` as a user has it: site, Spillway with two workers and more, price changes, a dead site, a clean end. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { request } from 'undici';
import { eventually, freePort, ServerProcess } from '../../test/servers/index.ts';

const TOKEN = 'a-token-for-this-test';
/** Enough new connections to reach every worker. */
const EVERY_WORKER = 12;

let example: ServerProcess;
let site: string;

before(async () => {
  const [port, adminPort] = [await freePort(), await freePort()];
  site = `http://127.0.0.1:${port}`;
  const { DATABASE_URL: _, REDIS_URL: __, ...env } = process.env;
  example = new ServerProcess(process.execPath, ['--conditions=source', join(import.meta.dirname, 'start.ts')], {
    env: { ...env, PORT: String(port), ADMIN_PORT: String(adminPort), ADMIN_TOKEN: TOKEN, POWER_PLANS_DATA: 'memory' },
  });
  await eventually('the example says what to try next', () => example.output.includes('Ctrl-C') || example.exited, 60_000);
  assert.ok(!example.exited, example.output);
});

after(() => example.kill('SIGTERM'));

interface Got {
  readonly status: number;
  readonly cacheStatus: string;
  readonly location: string | undefined;
  readonly body: string;
}

/** Over a connection of its own, which any worker may get. */
/** Asks until Spillway does not set the request aside (503): a busy machine keeps lesser classes waiting. */
async function get(path: string): Promise<Got> {
  let got: Got | undefined;
  await eventually(`${path} is not set aside`, async () => (got = await ask(path)).status !== 503);
  return got!;
}

async function ask(path: string): Promise<Got> {
  const { statusCode, headers, body } = await request(site + path, { reset: true });
  return {
    status: statusCode,
    cacheStatus: String(headers['cache-status'] ?? ''),
    location: headers['location'] as string | undefined,
    body: await body.text(),
  };
}

async function everywhere(path: string): Promise<Got[]> {
  return Promise.all(Array.from({ length: EVERY_WORKER }, () => get(path)));
}

/** Asks until the answer is 200: on a busy machine Spillway sets API calls aside (503) for what is more urgent. */
async function api<Answer>(path: string, init: { method: 'GET' | 'POST'; body?: string } = { method: 'GET' }): Promise<Answer> {
  let answer: Answer | undefined;
  await eventually(`${init.method} ${path} is answered`, async () => {
    const { statusCode, body } = await request(site + path, { ...init, headers: { authorization: `Bearer ${TOKEN}` } });
    const text = await body.text();
    if (statusCode !== 503) assert.equal(statusCode, 200, text);
    if (statusCode === 200) answer = JSON.parse(text) as Answer;
    return statusCode === 200;
  });
  return answer!;
}

function setPrice(id: number, price: number): Promise<{ reported: string }> {
  return api(`/api/admin/plans/${id}/price`, { method: 'POST', body: JSON.stringify({ price }) });
}

async function priceOf(id: number): Promise<number> {
  const { centsPerKwh } = await api<{ centsPerKwh: Record<string, number> }>(`/api/plans/${id}`);
  return centsPerKwh['1000']!;
}

test('it says where everything is, with three lines to try', () => {
  assert.match(example.output, new RegExp(`Site +${site} .*pages of tier 1 are warm`));
  assert.match(example.output, /Dashboard +http:/);
  assert.equal(example.output.match(/^ +curl /gm)?.length, 3);
});

test('tier 1 is warm on every worker, and one page has one address', async () => {
  for (const { status, cacheStatus } of await everywhere('/electricity-plans/dallas')) {
    assert.equal(status, 200);
    assert.match(cacheStatus, /^spillway; hit/);
  }
  const moved = await get('/electricity-plans/dallas/fixed-rate+12-month');
  assert.equal(moved.status, 301);
  assert.equal(moved.location, '/electricity-plans/dallas/12-month+fixed-rate');
});

test('what the config does not name is still the site: its robots.txt, its page for what does not exist', async () => {
  assert.match((await get('/robots.txt')).body, /Sitemap: http/);
  assert.match((await get('/sitemap-1.xml')).body, /<loc>http/);
  const missing = await get('/no/such/page');
  assert.equal(missing.status, 404);
  assert.match(missing.body, /<h1>There is no such page/);
  assert.match((await get('/electricity-plans/dalas')).body, /Perhaps one of these/);
});

test('a change of five per cent is on the affected pages at once, on every worker; others stay hits', async () => {
  const [affected, unaffected] = ['/electricity-plans/dallas', '/electricity-plans/houston'];
  await Promise.all([everywhere(affected), everywhere(unaffected)]);
  const price = Math.round((await priceOf(9)) * 2);
  assert.equal((await setPrice(9, price)).reported, 'accepted');
  for (const { body } of await everywhere(affected)) assert.ok(body.includes(`${price.toFixed(1)}¢`));
  for (const { cacheStatus } of await everywhere(unaffected)) assert.match(cacheStatus, /^spillway; hit/);
  await eventually('the new page is a hit everywhere', async () =>
    (await everywhere(affected)).every(({ cacheStatus }) => cacheStatus.startsWith('spillway; hit')),
  );
});

test('a smaller change waits for the schedule', async () => {
  const before = await get('/electricity-plans/dallas');
  assert.equal((await setPrice(9, Math.round((await priceOf(9)) * 102) / 100)).reported, 'accepted');
  for (const { body, cacheStatus } of await everywhere('/electricity-plans/dallas')) {
    assert.match(cacheStatus, /^spillway; hit/);
    assert.equal(body, before.body);
  }
});

test('with the site dead, stored pages serve and others are 502; it heals by itself', async () => {
  const [, pid] = /kill -9 (\d+)/.exec(example.output)!;
  process.kill(Number(pid), 'SIGKILL');
  await eventually('an unknown page is a 502', async () => (await get('/electricity-plans/marfa')).status === 502);
  for (const { status } of await everywhere('/electricity-plans/dallas')) assert.equal(status, 200);
  await eventually('the site is back', async () => (await get('/electricity-plans/marfa')).status === 200, 55_000);
});

test('SIGTERM ends all of it', async () => {
  example.child.kill('SIGTERM');
  const [code] = (await once(example.child, 'exit')) as [number];
  assert.equal(code, 0, example.output);
  await assert.rejects(get('/electricity-plans/dallas'));
});
