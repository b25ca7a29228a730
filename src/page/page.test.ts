import assert from 'node:assert/strict';
import { gunzipSync, brotliDecompressSync, zstdDecompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { SimulatedClock, SpillwayError, seededRandom } from '../kernel/index.ts';
import type { RoutePolicy } from '../policy/index.ts';
import type { PreparedRequest } from '../ports/index.ts';
import { ask, type ClientRequest, type PageServer, routePolicy, startPageServer } from '../../test/http/rig/page-server.ts';
import { ReferenceStore } from '../../test/http/rig/reference-store.ts';
import { type ScriptedAnswer, ScriptedUpstream } from '../../test/http/rig/scripted-upstream.ts';
import { createPages, type PageEntry, type PageOptions, type Pages, type Pressure } from './index.ts';

const HTML = { 'content-type': 'text/html; charset=utf-8' };
const LONG = '<p>Twelve months at a fixed rate.</p>'.repeat(100);

describe('pages', () => {
  let clock: SimulatedClock;
  let store: ReferenceStore<PageEntry>;
  let upstream: ScriptedUpstream;
  let pages: Pages;
  let server: PageServer;
  let route: RoutePolicy;
  let pressure: Pressure;

  const start = async (options: PageOptions = {}): Promise<void> => {
    pages = createPages(options, { clock, random: seededRandom(1), store, pressure: () => pressure });
    server = await startPageServer(pages, upstream, (path) => ({ route, params: { city: path.split('/').at(-1)! } }));
  };
  const get = (target: string, request: ClientRequest = {}) => ask(server.port, target, request);
  const answers = (answer: ScriptedAnswer | ((nth: number) => ScriptedAnswer)): void => {
    upstream.answer = (_, nth) => (typeof answer === 'function' ? answer(nth) : answer);
  };

  beforeEach(async () => {
    clock = new SimulatedClock();
    pressure = 'none';
    store = new ReferenceStore(clock);
    upstream = new ScriptedUpstream((_, nth) => ({ headers: HTML, body: `page ${nth}` }));
    route = routePolicy({}, { tags: ['city::city', 'plans'] });
    await start();
  });
  afterEach(() => server.close());

  it('stores a page by policy and serves it until it is due, with age and ttl', async () => {
    const first = await get('/plans/dallas');
    assert.equal(first.headers['cache-status'], 'spillway; fwd=uri-miss; stored');
    await clock.advance(100_000);
    const second = await get('/plans/dallas');
    assert.equal(second.text, 'page 1');
    assert.equal(second.headers['age'], '100');
    assert.equal(second.headers['cache-status'], 'spillway; hit; ttl=800');
    assert.equal(upstream.requests.length, 1);
  });

  it('serves a stale page at once and makes a new one behind it', async () => {
    await get('/plans/dallas');
    await clock.advance(900_001);
    const stale = await get('/plans/dallas');
    assert.equal(stale.text, 'page 1');
    assert.match(String(stale.headers['cache-status']), /^spillway; hit; ttl=-?0$/);
    await clock.advance(10);
    assert.equal((await get('/plans/dallas')).text, 'page 2');
    assert.equal(upstream.requests.length, 2);
  });

  it('serves the last good page within grace while the upstream fails, without a storm, and heals', async () => {
    await get('/plans/dallas');
    await clock.advance(901_000);
    answers({ error: new SpillwayError('SPILLWAY_TIMEOUT', 'gone') });
    for (let second = 0; second < 60; second++) {
      assert.equal((await get('/plans/dallas')).text, 'page 1');
      await clock.advance(1000);
    }
    assert.ok(upstream.requests.length <= 8, `${upstream.requests.length} attempts in a minute`);
    answers({ headers: HTML, body: 'healed' });
    await clock.advance(60_000);
    await get('/plans/dallas');
    await clock.advance(10);
    assert.equal((await get('/plans/dallas')).text, 'healed');
  });

  it('lets a failing page rest although the process has lost its copy and finds the last good one in the store', async () => {
    await get('/plans/dallas');
    await clock.advance(901_000);
    const inStore = store.peek.bind(store);
    store.entry = async (key) => inStore(key);
    store.peek = () => undefined;
    answers({ status: 500, body: 'broken' });
    for (let nth = 0; nth < 40; nth++) {
      assert.equal((await get('/plans/dallas')).text, 'page 1');
      await clock.advance(100);
    }
    assert.equal(upstream.requests.length, 1 + 3, 'tried at once, after 1 s, after 2 s more');
  });

  it('makes a much read page again before it expires, and leaves the others', async () => {
    await get('/plans/dallas');
    await get('/plans/quiet');
    for (let nth = 0; nth < 30; nth++) {
      await clock.advance(20_000);
      await get('/plans/dallas');
    }
    await clock.advance(260_000);
    await get('/plans/dallas');
    await get('/plans/quiet');
    await clock.advance(10);
    assert.equal((await get('/plans/dallas')).text, 'page 3');
    assert.equal((await get('/plans/quiet')).text, 'page 2');
    assert.equal(upstream.requests.length, 3);
  });

  it('the upstream down for five minutes: every page that was stored keeps serving', async () => {
    for (const mode of [routePolicy({ revalidateMs: 60_000 }), routePolicy({ freshness: 'origin', query: 'all' })]) {
      route = mode;
      const paths = Array.from({ length: 30 }, (_, nth) => `/${mode.cache!.freshness}/${nth}`);
      answers({ headers: { ...HTML, 'cache-control': 'max-age=60' }, body: 'good' });
      for (const path of paths) await get(path);
      answers({ error: new Error('down') });
      for (let minute = 0; minute < 5; minute++) {
        await clock.advance(61_000);
        for (const path of paths) assert.equal((await get(path)).text, 'good', `${path}, minute ${minute}`);
      }
    }
  });

  it('under pressure stale pages serve longer, and nothing is made behind them', async () => {
    route = routePolicy({ revalidateMs: 60_000, storeTtlMs: 60_000, graceMs: 600_000 });
    await get('/plans');
    await clock.advance(60_000 + 800_000);
    pressure = 'critical';
    assert.equal((await get('/plans')).text, 'page 1');
    assert.equal(upstream.requests.length, 1);
    pressure = 'degraded';
    assert.equal((await get('/plans')).text, 'page 1');
    await clock.advance(10);
    assert.equal(upstream.requests.length, 2, 'when degraded a page that is asked for is still made again');
    await clock.advance(60_000 + 800_000);
    pressure = 'none';
    assert.equal((await get('/plans')).text, 'page 3', 'beyond its usual grace the client waits for a new one');
  });

  it('keeps the last good page when the upstream answers 5xx', async () => {
    await get('/plans/dallas');
    await clock.advance(901_000);
    answers({ status: 500, headers: HTML, body: 'broken' });
    await get('/plans/dallas');
    await clock.advance(10);
    const after = await get('/plans/dallas');
    assert.equal(after.text, 'page 1');
    assert.equal(after.status, 200);
  });

  it('answers 502 and 504 with problem documents where nothing is stored', async () => {
    answers({ error: new Error('refused') });
    const refused = await get('/plans/austin');
    assert.equal(refused.status, 502);
    assert.equal(refused.headers['content-type'], 'application/problem+json');
    assert.equal(JSON.parse(refused.text).status, 502);
    answers({ error: new SpillwayError('SPILLWAY_TIMEOUT', 'slow') });
    assert.equal((await get('/plans/austin')).status, 504);
    answers({ headers: HTML, body: 'healed' });
    assert.equal((await get('/plans/austin')).text, 'healed');
  });

  it('asks the upstream once for many clients, and streams to all of them', async () => {
    const { promise: holdBody, resolve: release } = Promise.withResolvers<void>();
    answers({ headers: HTML, body: LONG, holdBody });
    const many = Array.from({ length: 20 }, () => get('/plans/dallas'));
    setImmediate(() => setImmediate(release));
    const got = await Promise.all(many);
    assert.deepEqual(new Set(got.map((answer) => answer.text)), new Set([LONG]));
    assert.equal(upstream.requests.length, 1);
    assert.ok(got.some((answer) => String(answer.headers['cache-status']).endsWith('; collapsed')));
  });

  it('stores each coding once, with a strong tag and a length of its own', async () => {
    answers({ headers: HTML, body: LONG });
    await get('/plans/dallas');
    const decoders = { gzip: gunzipSync, br: brotliDecompressSync, zstd: zstdDecompressSync };
    const tags = new Set<unknown>();
    for (const [encoding, decode] of Object.entries(decoders)) {
      const answer = await get('/plans/dallas', { headers: { 'accept-encoding': encoding } });
      assert.equal(answer.headers['content-encoding'], encoding);
      assert.equal(answer.headers['vary'], 'accept-encoding');
      assert.equal(decode(answer.body).toString(), LONG);
      assert.match(String(answer.headers['etag']), /^"[\w-]+"$/);
      tags.add(answer.headers['etag']);
      const again = await get('/plans/dallas', {
        headers: { 'accept-encoding': encoding, 'if-none-match': String(answer.headers['etag']) },
      });
      assert.equal(again.status, 304);
      assert.equal(again.body.length, 0);
    }
    const plain = await get('/plans/dallas');
    assert.equal(plain.headers['content-encoding'], undefined);
    tags.add(plain.headers['etag']);
    assert.equal(tags.size, 4);
  });

  it('says Vary: Accept-Encoding of an answer the same each time, and of none that is short', async () => {
    for (const [path, headers, body, vary] of [
      ['/long', HTML, LONG, 'accept-encoding'],
      ['/short', { ...HTML, 'content-length': '5' }, 'short', undefined],
      ['/of-unknown-length', HTML, 'short', 'accept-encoding'],
      ['/image', { 'content-type': 'image/png' }, LONG, undefined],
    ] as const) {
      answers({ headers, body });
      const [first, second] = [await get(path), await get(path)];
      assert.deepEqual([first.headers.vary, second.headers.vary], [vary, vary], path);
    }
  });

  it('answers HEAD, If-Modified-Since and ranges from the stored page', async () => {
    answers({ headers: { ...HTML, 'last-modified': 'Wed, 31 Dec 2025 00:00:00 GMT' }, body: '0123456789' });
    await get('/plans/dallas');
    const head = await get('/plans/dallas', { method: 'HEAD' });
    assert.equal(head.headers['content-length'], '10');
    assert.equal(head.text, '');
    const since = await get('/plans/dallas', { headers: { 'if-modified-since': 'Wed, 31 Dec 2025 00:00:00 GMT' } });
    assert.equal(since.status, 304);
    const part = await get('/plans/dallas', { headers: { range: 'bytes=2-4' } });
    assert.equal(part.status, 206);
    assert.equal(part.text, '234');
    assert.equal(part.headers['content-range'], 'bytes 2-4/10');
    assert.equal(part.headers['content-length'], '3');
    assert.equal((await get('/plans/dallas', { headers: { range: 'bytes=10-' } })).status, 416);
    assert.equal(upstream.requests.length, 1);
  });

  it('drops query parameters that make no page from key and upstream alike', async () => {
    route = routePolicy({ query: ['page', 'sort'] });
    await get('/plans/dallas?utm_source=mail&sort=price&page=2');
    assert.equal(upstream.requests[0]!.target, '/plans/dallas?page=2&sort=price');
    assert.match(String((await get('/plans/dallas?page=2&gclid=1&sort=price')).headers['cache-status']), /hit/);
    assert.match(String((await get('/plans/dallas?page=3&sort=price')).headers['cache-status']), /miss/);
  });

  it('obeys No-Vary-Search: parameters that the origin calls meaningless make no other page', async () => {
    route = routePolicy({ query: 'all' });
    answers((nth) => ({
      headers: { ...HTML, 'no-vary-search': 'key-order, params=("utm_source" "g clid")' },
      body: `page ${nth}`,
    }));
    await get('/p?b=2&a=1');
    await get('/p?a=1&b=2');
    for (const query of ['b=2&a=1', 'utm_source=x&a=1&b=2', 'a=1&g+clid=3&b=2&g%20clid=4']) {
      assert.equal((await get(`/p?${query}`)).text, 'page 2', query);
    }
    assert.equal((await get('/p?a=2&b=2')).text, 'page 3');
    answers((nth) => ({ headers: { ...HTML, 'no-vary-search': 'params, except=("a")' }, body: `page ${nth}` }));
    await get('/q?a=1&b=2');
    assert.equal((await get('/q?a=1')).text, 'page 5');
    assert.equal((await get('/q?c=1&a=1&b=3')).text, 'page 5');
    assert.equal((await get('/q?a=2')).text, 'page 6');
  });

  it('keeps variants by Vary, by declared headers and by declared cookies', async () => {
    route = routePolicy({ varyHeaders: ['x-plan'], varyCookies: ['region'] });
    upstream.answer = (request, nth) => ({
      headers: { ...HTML, vary: 'Accept-Language' },
      body: `${nth} ${request.headers.join(' ')}`,
    });
    const en = { 'accept-language': 'en' };
    const first = await get('/p', { headers: en });
    assert.equal((await get('/p', { headers: en })).text, first.text);
    assert.notEqual((await get('/p', { headers: { 'accept-language': 'es' } })).text, first.text);
    assert.equal((await get('/p', { headers: en })).text, first.text);
    assert.notEqual((await get('/p', { headers: { ...en, 'x-plan': 'a' } })).text, first.text);
    const texas = await get('/p', { headers: { ...en, cookie: 'region=tx; session=secret' } });
    assert.match(texas.text, /cookie region=tx$|cookie region=tx /);
    assert.doesNotMatch(texas.text, /secret/);
    assert.equal((await get('/p', { headers: { ...en, cookie: 'session=other; region=tx' } })).text, texas.text);
    assert.equal(upstream.requests.length, 4);
  });

  it('never shares answers to credentials or answers that set cookies', async () => {
    answers((nth) => ({ headers: { ...HTML, 'set-cookie': `id=${nth}` }, body: `mine ${nth}` }));
    const [one, two] = [await get('/account'), await get('/account')];
    assert.notEqual(one.text, two.text);
    assert.equal(one.headers['cache-status'], 'spillway; fwd=uri-miss; detail=set-cookie');
    answers((nth) => ({ headers: HTML, body: `secret ${nth}` }));
    const secret = await get('/x', { headers: { authorization: 'Bearer a' } });
    assert.equal(secret.headers['cache-status'], 'spillway; fwd=bypass; detail=authorization');
    assert.notEqual((await get('/x')).text, secret.text);
  });

  it('never hands a client an answer that was made without its cookies when it is not for everybody', async () => {
    upstream.answer = ({ headers }) => ({
      headers: headers.includes('cookie') ? HTML : { ...HTML, 'set-cookie': 'session=new' },
      body: headers.includes('cookie') ? 'welcome back' : 'who are you?',
    });
    const known = await get('/account', { headers: { cookie: 'session=mine' } });
    assert.equal(known.text, 'welcome back');
    assert.equal(known.headers['set-cookie'], undefined);
    assert.equal((await get('/account')).text, 'who are you?');
  });

  it('does not let clients wait for each other where answers cannot be shared', async () => {
    answers((nth) => ({ headers: { ...HTML, 'cache-control': 'private' }, body: `mine ${nth}` }));
    const got = await Promise.all(Array.from({ length: 5 }, () => get('/account')));
    assert.equal(new Set(got.map((answer) => answer.text)).size, 5);
  });

  it('invalidates by tag and by path, and the next request sees the new page', async () => {
    await get('/plans/dallas');
    await get('/plans/austin');
    const receipt = await pages.invalidate({ tags: ['city:dallas'] });
    assert.deepEqual(
      receipt.layers.map(({ layer, inForce }) => [layer, inForce]),
      [['pages', true]],
    );
    assert.equal((await get('/plans/dallas')).text, 'page 3');
    assert.equal((await get('/plans/austin')).text, 'page 2');
    await pages.invalidate({ paths: ['/plans/austin'] });
    assert.equal((await get('/plans/austin')).text, 'page 4');
  });

  it('takes the tags the origin gives', async () => {
    answers((nth) => ({ headers: { ...HTML, 'cache-tag': 'a, plan:7', 'surrogate-key': 'b c' }, body: `page ${nth}` }));
    for (const tag of ['plan:7', 'c']) {
      const before = await get('/p');
      assert.equal((await get('/p')).text, before.text);
      await pages.invalidate({ tags: [tag] });
      assert.notEqual((await get('/p')).text, before.text);
    }
  });

  it('drops a fill that an invalidation overtook, and new clients do not join it', async () => {
    const { promise: holdBody, resolve: release } = Promise.withResolvers<void>();
    answers((nth) => (nth === 1 ? { headers: HTML, body: 'old', holdBody } : { headers: HTML, body: 'new' }));
    const overtaken = get('/plans/dallas');
    while (upstream.requests.length === 0) await clock.advance(1);
    await pages.invalidate({ tags: ['city:dallas'] });
    assert.equal((await get('/plans/dallas')).text, 'new');
    release();
    assert.equal((await overtaken).text, 'old');
    assert.equal((await get('/plans/dallas')).text, 'new');
  });

  it('a price change of five per cent takes effect at once, a smaller one waits', async () => {
    await get('/plans/dallas');
    const small = await pages.reportChange({ tag: 'city:dallas', field: 'price', before: 100, after: 104.9 });
    assert.equal(small.effect, 'scheduled');
    assert.equal((await get('/plans/dallas')).text, 'page 1');
    const large = await pages.reportChange({ tag: 'city:dallas', field: 'price', before: 100, after: 95 });
    assert.equal(large.effect, 'now');
    assert.equal(large.receipt?.complete, true);
    assert.equal((await get('/plans/dallas')).text, 'page 2');
  });

  it('a soft invalidation serves the old page once more while the new one is made', async () => {
    await get('/plans/dallas');
    await pages.invalidate({ tags: ['plans'], soft: true });
    assert.equal((await get('/plans/dallas')).text, 'page 1');
    await clock.advance(10);
    assert.equal((await get('/plans/dallas')).text, 'page 2');
  });

  it('streams bodies beyond the bound without storing them', async () => {
    await server.close();
    await start({ maxBodySize: '1kb' });
    answers({ headers: HTML, body: 'x'.repeat(3000) });
    assert.equal((await get('/big')).body.length, 3000);
    assert.equal((await get('/big')).body.length, 3000);
    assert.equal(upstream.requests.length, 2);
    assert.equal(store.size, 0);
  });

  it('a POST drops every variant of its URL, and what Location names', async () => {
    route = routePolicy({ varyHeaders: ['x-plan'] });
    const headers = { 'x-plan': 'a' };
    await get('/plans/dallas', { headers });
    await get('/list', { headers });
    answers((nth) => ({ status: nth === 3 ? 303 : 200, headers: { ...HTML, location: '/list' }, body: `page ${nth}` }));
    await get('/plans/dallas', { method: 'POST', body: 'price=1' });
    assert.equal((await get('/plans/dallas', { headers })).text, 'page 4');
    assert.equal((await get('/list', { headers })).text, 'page 5');
  });

  it('purges everything, softly where asked', async () => {
    await get('/a');
    await get('/b');
    await pages.invalidate({ all: true, soft: true });
    assert.equal((await get('/a')).text, 'page 1');
    await pages.invalidate({ all: true });
    assert.equal((await get('/b')).text, 'page 4');
  });

  it('goes on without the store', async () => {
    store.fault = new Error('the store is away');
    assert.equal((await get('/plans/dallas')).text, 'page 1');
    assert.equal((await get('/plans/dallas')).text, 'page 2');
    store.fault = undefined;
    await get('/plans/dallas');
    assert.match(String((await get('/plans/dallas')).headers['cache-status']), /hit/);
  });

  it('sends the class headers with pages, and leaves errors their own', async () => {
    route = routePolicy(
      {},
      { headers: { cacheControl: 'public, max-age=60', cdnCacheControl: 'max-age=7200', surrogateControl: undefined } },
    );
    answers((nth) => ({ status: nth === 2 ? 500 : 200, headers: { ...HTML, 'cache-control': 'max-age=0' }, body: 'x' }));
    for (const answer of [await get('/a'), await get('/a')]) {
      assert.equal(answer.headers['cache-control'], 'public, max-age=60');
      assert.equal(answer.headers['cdn-cache-control'], 'max-age=7200');
    }
    assert.equal((await get('/b')).headers['cache-control'], 'max-age=0');
  });

  it('prepares plain hits as bytes', async () => {
    answers({ headers: HTML, body: LONG });
    const at = (target: string, acceptEncoding = '') =>
      pages.prepared({ url: `http://${server.authority}${target}`, acceptEncoding }, clock.now());
    assert.equal(at('/plans/dallas'), undefined);
    await get('/plans/dallas');
    await get('/plans/dallas');
    const prepared = at('/plans/dallas', 'gzip')!;
    assert.equal(gunzipSync(prepared.body).toString(), LONG);
    const head = prepared.head(clock.now()).toString();
    assert.match(head, /^HTTP\/1\.1 200 OK\r\n[^]*content-encoding: gzip\r\n[^]*age: 0\r\n[^]*\r\n\r\n$/);
    assert.equal(prepared.head(clock.now()), prepared.head(clock.now()));
    await clock.advance(2000);
    assert.match(at('/plans/dallas', 'gzip')!.head(clock.now()).toString(), /age: 2\r\n/);
    await clock.advance(900_000);
    assert.equal(at('/plans/dallas', 'gzip'), undefined);
  });

  it('prepares a 304 for a client that has the page, and keeps schemes apart', async () => {
    answers({ headers: { ...HTML, etag: '"v1"' }, body: LONG });
    await get('/plans/dallas');
    await get('/plans/dallas');
    const plain = { url: `http://${server.authority}/plans/dallas`, acceptEncoding: 'gzip' };
    const at = (request: Partial<PreparedRequest>) => pages.prepared({ ...plain, ...request }, clock.now());
    const known = at({ ifNoneMatch: '"v0", "v1-gzip"' })!;
    assert.equal(known.status, 304);
    assert.equal(known.body.length, 0);
    const head = known.head(clock.now()).toString();
    assert.match(head, /^HTTP\/1\.1 304 Not Modified\r\n[^]*etag: "v1-gzip"\r\n[^]*\r\n\r\n$/);
    assert.doesNotMatch(head, /content-(length|type|encoding)/);
    assert.equal(at({ ifNoneMatch: '"v0"' })!.status, 200);
    assert.equal(at({ url: plain.url.replace('http:', 'https:') }), undefined);
  });

  it('invalidates a URL after an unsafe method succeeded', async () => {
    await get('/plans/dallas');
    answers((nth) => ({ headers: HTML, body: `page ${nth}` }));
    const post = await get('/plans/dallas', { method: 'POST', body: 'price=1' });
    assert.equal(post.headers['cache-status'], 'spillway; fwd=method');
    assert.equal((await get('/plans/dallas')).text, 'page 3');
  });
});
