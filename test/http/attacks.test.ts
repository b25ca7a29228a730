/** One test per published class of attack on web caches: poisoning, deception, denial of service through the cache. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, beforeEach, describe, it } from 'node:test';
import { createCache } from '../../src/cache/index.ts';
import { createGateway, createProxy, type Gateway, type Proxy } from '../../src/gateway/index.ts';
import { createPages, pageCodec, type PageEntry, type Pages } from '../../src/page/index.ts';
import type { RoutePolicy } from '../../src/policy/index.ts';
import { Origin } from '../gateway/support.ts';
import { ask, type ClientRequest, routePolicy } from './rig/page-server.ts';

describe('attacks on the cache', () => {
  let origin: Origin;
  let proxy: Proxy;
  let gateway: Gateway;
  let pages: Pages;
  let route: RoutePolicy;
  /** What the origin does with a request; it reflects whatever reaches it unless a test says otherwise. */
  let answer: (
    target: string,
    headers: NodeJS.Dict<string | string[]>,
  ) => { status?: number; headers?: Record<string, string>; body: string };
  let path = '';
  let counted = 0;

  const byPolicy = routePolicy({}, { upstream: 'origin' });
  const byOrigin = routePolicy({ freshness: 'origin', query: 'all' }, { upstream: 'origin' });
  const get = (target = path, request: ClientRequest = {}) => ask(Number(new URL(gateway.address).port), target, request);
  const status = (answered: { headers: Record<string, unknown> }) => String(answered.headers['cache-status']);

  before(async () => {
    origin = await Origin.start((request, response) => {
      const { status: code = 200, headers = {}, body } = answer(request.url!, request.headers);
      response.writeHead(code, { 'content-type': 'text/html', ...headers });
      response.end(body);
    });
    proxy = createProxy({ upstreams: { origin: { endpoints: [`http://127.0.0.1:${origin.port}`] } } });
    pages = createPages({}, { store: createCache<PageEntry>({ codec: pageCodec }) });
    gateway = createGateway({
      listen: { port: 0 },
      match: () => ({ route, params: {} }),
      handle: (exchange) => pages.serve(exchange, proxy),
    });
    await gateway.start();
  });
  beforeEach(() => {
    path = `/page-${++counted}`;
    route = byPolicy;
    answer = (target, headers) => ({ headers: { 'cache-control': 'max-age=60' }, body: `${target} ${JSON.stringify(headers)}` });
  });
  after(async () => {
    await gateway.stop();
    await pages.close();
    await proxy.stop();
    origin.server.closeAllConnections();
    origin.server.close();
  });

  const UNKEYED = {
    'x-forwarded-host': 'evil.test',
    'x-forwarded-scheme': 'http',
    'x-forwarded-prefix': '/evil',
    'x-host': 'evil.test',
    'x-original-url': '/evil',
    'x-rewrite-url': '/evil',
    'x-http-method-override': 'POST',
    forwarded: 'host=evil.test',
  };

  for (const mode of [byPolicy, byOrigin]) {
    const name = mode.cache!.freshness;
    it(`poisoning by unkeyed fields: none reaches a stored answer (${name})`, async () => {
      route = mode;
      const poisoned = await get(path, { headers: UNKEYED });
      assert.match(status(poisoned), /stored/);
      assert.doesNotMatch(poisoned.text, /evil/);
      assert.match(status(await get()), /hit/);
    });

    it(`fat GET: a body does not reach a stored answer (${name})`, async () => {
      route = mode;
      answer = (_, headers) => ({ headers: { 'cache-control': 'max-age=60' }, body: `length ${headers['content-length']}` });
      assert.equal((await get(path, { body: 'callback=evil', headers: { 'content-length': '13' } })).text, 'length undefined');
    });
  }

  it('poisoning by unkeyed fields under policy: even unknown ones and User-Agent stay out', async () => {
    const poisoned = await get(path, { headers: { 'x-anything': 'evil', 'user-agent': 'evil', referer: 'http://evil.test' } });
    assert.doesNotMatch(poisoned.text, /evil/);
  });

  it('poisoning by unkeyed query parameters: they do not reach the origin', async () => {
    await get(`${path}?utm_source=%3Cscript%3Eevil`);
    const honest = await get();
    assert.match(status(honest), /hit/);
    assert.doesNotMatch(honest.text, /evil/);
  });

  it('parameter cloaking: what is keyed is what the origin sees, whatever it splits at', async () => {
    route = routePolicy({ query: ['callback'] }, { upstream: 'origin' });
    await get(`${path}?callback=good&utm=1;callback=evil`);
    const honest = await get(`${path}?callback=good`);
    assert.match(status(honest), /hit/);
    assert.doesNotMatch(honest.text, /evil/);
    assert.match(status(await get(`${path}?callback=good;callback=evil`)), /miss/);
  });

  it('deception: a private page under a path that looks static is not stored with its owner in it', async () => {
    answer = (_, { cookie }) => ({ body: cookie ? `secret of ${cookie}` : 'log in' });
    for (const disguise of ['/account/x.css', '/account;x.css', '/account%2fx.css', '/static/..%2faccount', '/account%00x.css']) {
      await get(disguise, { headers: { cookie: 'session=victim' } });
      assert.doesNotMatch((await get(disguise)).text, /victim/, disguise);
    }
  });

  it('deception where the origin decides: an answer to a request with cookies is stored only if meant for everybody', async () => {
    route = byOrigin;
    answer = (_, { cookie }) => ({ headers: { 'cache-control': 'max-age=60' }, body: `hello ${cookie}` });
    assert.match((await get(path, { headers: { cookie: 'session=victim' } })).text, /victim/);
    assert.doesNotMatch((await get()).text, /victim/);
  });

  it('deception: a session cookie being set is never stored', async () => {
    for (const mode of [byPolicy, byOrigin]) {
      route = mode;
      answer = () => ({ headers: { 'set-cookie': 'session=victim', 'cache-control': 'public, max-age=60' }, body: 'welcome' });
      await get();
      answer = () => ({ body: 'clean' });
      assert.equal((await get()).headers['set-cookie'], undefined);
      path = `/page-${++counted}`;
    }
  });

  it('path confusion: dot segments and encodings name one page, to the cache and the origin alike', async () => {
    const first = await raw(`/a/%2e%2e${path}`);
    assert.match(first, new RegExp(`\\r\\n\\r\\n[^]*${path} `));
    assert.match(await raw(`/b/../x/..${path}`), /spillway; hit/);
  });

  it('cache-poisoned denial of service: errors that a client can provoke are not stored', async () => {
    for (const code of [400, 403, 413, 414, 429, 431, 500, 502]) {
      answer = () => ({ status: code, body: 'refused' });
      await get(path, { headers: { 'x-oversized': 'x'.repeat(5000) } });
      answer = () => ({ body: 'fine' });
      const honest = await get();
      assert.equal(honest.text, 'fine', String(code));
      path = `/page-${++counted}`;
    }
  });

  it('poisoning by range: a part is never served as the whole', async () => {
    answer = (_, { range }) =>
      range
        ? { status: 206, headers: { 'content-range': 'bytes 0-3/100', 'cache-control': 'max-age=60' }, body: 'evil' }
        : { body: 'the whole page' };
    await get(path, { headers: { range: 'bytes=0-3' } });
    const whole = await get();
    assert.equal(whole.status, 200);
    assert.equal(whole.text, 'the whole page');
  });

  it('poisoning by range or HEAD: what they store was asked for like any page', async () => {
    route = byOrigin;
    answer = (_, headers) => ({
      ...(headers.range ? { status: 206 } : {}),
      headers: {
        'cache-control': 'max-age=60',
        etag: '"a"',
        'x-seen': `${headers['x-forwarded-host']} ${headers['x-original-url']}`,
        ...(headers.range ? { 'content-range': 'bytes 0-3/100' } : {}),
      },
      body: 'part',
    });
    await get(path, { headers: { range: 'bytes=0-3', ...UNKEYED } });
    const part = await get(path, { headers: { range: 'bytes=0-3' } });
    assert.match(status(part), /hit/);
    assert.doesNotMatch(String(part.headers['x-seen']), /evil/);
    const other = `${path}-head`;
    answer = (_, headers) => ({
      headers: {
        'cache-control': 'max-age=0, stale-while-revalidate=60',
        etag: '"a"',
        'x-seen': String(headers['x-original-url']),
      },
      body: '',
    });
    await get(other);
    await get(other, { method: 'HEAD', headers: UNKEYED });
    assert.doesNotMatch(String((await get(other)).headers['x-seen']), /evil/);
  });

  it('poisoning of cross-origin rights: an answer that lets one asking origin in is not shared', async () => {
    for (const mode of [byPolicy, byOrigin]) {
      route = mode;
      answer = (_, { origin: asking }) => ({
        headers: { 'cache-control': 'max-age=60', ...(asking ? { 'access-control-allow-origin': String(asking) } : {}) },
        body: 'data',
      });
      await get(path, { headers: { origin: 'https://evil.test' } });
      assert.equal((await get()).headers['access-control-allow-origin'], undefined);
      path = `/page-${++counted}`;
    }
  });

  it('poisoning through connection fields: a client cannot have keyed or needed fields taken out', async () => {
    route = routePolicy({ varyHeaders: ['x-country'], varyCookies: ['plan'] }, { upstream: 'origin' });
    answer = (_, headers) => ({ body: `${headers['x-country']} ${headers['cookie']}` });
    const fields = { 'x-country': 'US', cookie: 'plan=green' };
    await get(path, { headers: { ...fields, connection: 'x-country, cookie' } });
    assert.equal((await get(path, { headers: fields })).text, 'US plan=green');
  });

  it('key injection: a value that looks like the rest of a key is not taken for it', async () => {
    route = routePolicy({ query: ['a', 'b'], varyHeaders: ['x-one', 'x-two'] }, { upstream: 'origin' });
    answer = (target, headers) => ({ body: `${target} ${headers['x-one']} ${headers['x-two']}` });
    const poisoned = await get(`${path}?a=1%26b=2`, { headers: { 'x-one': 'p,x-two:q', 'x-two': 'r' } });
    assert.match(status(poisoned), /stored/);
    for (const [target, headers] of [
      [`${path}?a=1&b=2`, { 'x-one': 'p,x-two:q', 'x-two': 'r' }],
      [`${path}?a=1%26b=2`, { 'x-one': 'p', 'x-two': 'q,r' }],
      [`${path}%3Fa=1%26b=2`, { 'x-one': 'p,x-two:q', 'x-two': 'r' }],
    ] as const) {
      assert.match(status(await get(target, { headers })), /miss/, target);
    }
  });

  it('poisoning by another host: hosts do not share pages', async () => {
    await get(path, { headers: { host: 'evil.test' } });
    assert.doesNotMatch((await get(path, { headers: { host: 'site.test' } })).text, /evil/);
  });

  it('redirect loops by a forged scheme: the scheme is not the client’s to say', async () => {
    answer = (_, headers) => ({ body: `scheme ${String(headers['x-forwarded-proto'])}` });
    assert.equal((await get(path, { headers: { 'x-forwarded-proto': 'https' } })).text, 'scheme http');
  });

  it('exhaustion by endless keys: over-long ones pass by the cache', async () => {
    route = byOrigin;
    const long = `${path}?${'x'.repeat(3000)}`;
    assert.match(status(await get(long)), /bypass; detail=key-too-long/);
    assert.match(status(await get(long)), /bypass/);
  });

  /** Sends a request target as it is written. */
  function raw(target: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(Number(new URL(gateway.address).port), '127.0.0.1');
      let text = '';
      socket.on('data', (chunk) => (text += chunk.toString('latin1')));
      socket.on('end', () => resolve(text));
      socket.on('error', reject);
      socket.write(`GET ${target} HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n`);
    });
  }
});
