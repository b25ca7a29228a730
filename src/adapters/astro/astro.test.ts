import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { AstroCacheOptions, MiddlewareContext } from './astro-types.ts';
import { spillway, type AstroOptions, type SpillwayLocals } from './index.ts';
import { createAstroMiddleware } from './middleware.ts';
import createCacheProvider from './provider.ts';

const options: AstroOptions = {
  classes: { critical: { revalidate: '10m', grace: '1h' } },
  routes: { '/plans/:city': { class: 'critical', tags: ['city::city'] }, '/now': { class: 'normal', cache: false } },
};

interface Page {
  readonly path: string;
  readonly cache?: AstroCacheOptions;
  readonly cookies?: readonly string[];
  readonly method?: string;
  readonly isPrerendered?: boolean;
  /** What the page does with `Astro.locals.spillway`. */
  readonly says?: (locals: SpillwayLocals) => void;
  readonly response?: Response;
}

async function answer({
  path,
  cache,
  cookies = [],
  method = 'GET',
  isPrerendered = false,
  says,
  response,
}: Page): Promise<Response> {
  const locals: { spillway?: SpillwayLocals } = {};
  const url = new URL(path, 'http://site.example');
  const context: MiddlewareContext = {
    request: new Request(url, { method }),
    url,
    isPrerendered,
    locals,
    cookies: { headers: () => cookies },
    ...(cache && { cache: { enabled: true, options: cache } }),
  };
  return createAstroMiddleware(options)(context, async () => {
    says?.(locals.spillway!);
    return response ?? new Response('page', { headers: { 'content-type': 'text/html' } });
  });
}

const sent = ({ headers }: Response): (string | null)[] =>
  ['cache-control', 'cdn-cache-control', 'cache-tag'].map((name) => headers.get(name));
const BY_CLASS = 'max-age=600, stale-while-revalidate=3600, stale-if-error=3600';

test('a page gets the times of its class, and the tags of its route, of itself and of Astro.cache', async () => {
  const page = await answer({ path: '/plans/waco', says: ({ tags }) => tags.add('plans'), cache: { tags: ['prices', 'plans'] } });
  assert.deepEqual(sent(page), ['public, max-age=3600, s-maxage=7200', BY_CLASS, 'city:waco, plans, prices']);
  assert.equal(await page.text(), 'page');
  assert.equal(page.headers.get('content-type'), 'text/html');
});

test('what the page says goes before its class', async () => {
  const brief = await answer({ path: '/plans/waco', cache: { maxAge: 5, swr: 60 } });
  assert.deepEqual(sent(brief), ['public, max-age=0, must-revalidate', 'max-age=5, stale-while-revalidate=60', 'city:waco']);
  const other = await answer({ path: '/elsewhere', says: (locals) => (locals.class = 'critical') });
  assert.equal(other.headers.get('cdn-cache-control'), BY_CLASS);
  const own = new Response('page', { headers: { 'cache-control': 'max-age=1', 'cache-tag': 'own' } });
  assert.deepEqual(sent(await answer({ path: '/plans/waco', response: own })), ['max-age=1', null, 'own, city:waco']);
  const secret = await answer({ path: '/plans/waco', says: (locals) => (locals.store = false) });
  assert.deepEqual(sent(secret), ['private, no-store', null, null]);
});

test('tags that are added while the body is made are sent', async () => {
  let locals: SpillwayLocals;
  const addTag = (controller: ReadableStreamDefaultController): void => {
    locals.tags.add('late');
    controller.enqueue(Buffer.from('page'));
    controller.close();
  };
  const body = new ReadableStream({ pull: addTag }, { highWaterMark: 0 });
  const page = await answer({ path: '/plans/waco', says: (given) => (locals = given), response: new Response(body) });
  assert.equal(page.headers.get('cache-tag'), 'city:waco, late');
});

test('a cookie that is set while the body is made keeps the page out of caches', async () => {
  const cookies: string[] = [];
  const setCookie = (controller: ReadableStreamDefaultController): void => {
    cookies.push('a=1');
    controller.close();
  };
  const body = new ReadableStream({ pull: setCookie }, { highWaterMark: 0 });
  const page = await answer({ path: '/plans/waco', cookies, response: new Response(body) });
  assert.deepEqual(sent(page), ['private, no-store', null, null]);
});

test('answers that are not for everybody are left alone', async () => {
  const untouched = [null, null, null];
  assert.deepEqual(sent(await answer({ path: '/plans/waco', cookies: ['a=1'] })), untouched);
  assert.deepEqual(sent(await answer({ path: '/plans/waco', method: 'POST' })), untouched);
  assert.deepEqual(sent(await answer({ path: '/plans/waco', isPrerendered: true })), untouched);
  assert.deepEqual(sent(await answer({ path: '/plans/waco', response: new Response('', { status: 404 }) })), untouched);
  assert.deepEqual(sent(await answer({ path: '/elsewhere' })), untouched);
  assert.deepEqual(sent(await answer({ path: '/now' })), untouched);
});

test('wrong classes and tags are refused with their names', async () => {
  await assert.rejects(answer({ path: '/', says: (locals) => (locals.class = 'critcal') }), /did you mean 'critical'/);
  await assert.rejects(answer({ path: '/', says: ({ tags }) => tags.add('a,b') }), /'a,b' is no tag/);
  assert.throws(() => spillway({ routes: { '/': { class: 'critcal' } } }), /critcal/);
});

test('the integration brings the middleware with its options, and a cache provider where there is none', () => {
  const setUp = (provider?: unknown) => {
    const seen: { updates?: object; entrypoint?: string; code?: string | undefined } = {};
    spillway(options).hooks['astro:config:setup']({
      config: provider ? { cache: { provider } } : {},
      updateConfig: (updates) => {
        const [plugin] = updates.vite!.plugins;
        Object.assign(seen, { updates, code: plugin!.load(plugin!.resolveId('virtual:spillway/middleware')!) });
      },
      addMiddleware: ({ entrypoint }) => (seen.entrypoint = entrypoint),
    });
    return seen;
  };
  const seen = setUp();
  assert.equal(seen.entrypoint, 'virtual:spillway/middleware');
  assert.ok(seen.code!.includes(JSON.stringify(options)));
  assert.ok('cache' in seen.updates!);
  assert.ok(!('cache' in setUp({ entrypoint: 'mine' }).updates!));
});

test('Astro.cache.invalidate purges by the admin listener, with its token', async (t) => {
  const asked: unknown[] = [];
  const admin = createServer(async (request, response) => {
    const body: unknown = JSON.parse(Buffer.concat(await request.toArray()).toString());
    asked.push([request.url, request.headers['spillway-admin'], body]);
    response.writeHead(request.headers.authorization === 'Bearer secret' ? 200 : 401).end('{}');
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => admin.once('listening', resolve));
  t.after(() => {
    admin.close();
    delete process.env['SPILLWAY_ADMIN_URL'];
    delete process.env['SPILLWAY_TOKEN'];
  });
  const provider = createCacheProvider();
  await assert.rejects(provider.invalidate({ tags: 'a' }), { code: 'SPILLWAY_UNREACHABLE' });
  process.env['SPILLWAY_ADMIN_URL'] = `http://127.0.0.1:${(admin.address() as AddressInfo).port}`;
  await assert.rejects(provider.invalidate({ tags: 'a' }), { code: 'SPILLWAY_DENIED' });
  process.env['SPILLWAY_TOKEN'] = 'secret';
  await provider.invalidate({ tags: ['a', 'b'], path: '/p' });
  assert.deepEqual(asked.at(-1), ['/purge', '1', { tags: ['a', 'b'], paths: ['/p'] }]);
  assert.deepEqual([...provider.setHeaders()], []);
});
