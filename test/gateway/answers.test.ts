import assert from 'node:assert/strict';
import { request } from 'node:http';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { Origin, startSite, type Site } from './support.ts';

const text = 'All work and no play makes Jack a dull boy. '.repeat(500);
let origin: Origin;
let site: Site;

before(async () => {
  origin = await Origin.start((message, response) => {
    const { pathname, searchParams } = new URL(message.url!, 'http://a');
    for (const [name, value] of searchParams) response.setHeader(name, value);
    if (!searchParams.has('content-type')) response.setHeader('content-type', 'text/html; charset=utf-8');
    if (pathname === '/small') response.end('small');
    else if (pathname === '/stream') {
      response.write(text);
      response.end(text);
    } else {
      response.setHeader('content-length', text.length);
      response.end(text);
    }
  });
  site = await startSite([origin.url], { upstream: { etags: true } });
});
after(async () => {
  await site.stop();
  await origin.kill();
});

async function get(path: string, headers: Record<string, string> = {}) {
  const message = request({ host: '127.0.0.1', port: site.port, path, headers });
  message.end();
  const [response] = await once(message, 'response');
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return {
    status: response.statusCode as number,
    headers: response.headers as Record<string, string>,
    body: Buffer.concat(chunks),
  };
}

describe('compression of answers that pass through', () => {
  test('in the coding the client likes best, and says that the answer varies', async () => {
    for (const [accept, coding, decode] of [
      ['gzip', 'gzip', gunzipSync],
      ['gzip;q=0.5, br', 'br', brotliDecompressSync],
      ['zstd', 'zstd', zstdDecompressSync],
      ['*', 'zstd', zstdDecompressSync],
    ] as const) {
      const { headers, body } = await get('/', { 'accept-encoding': accept });
      assert.equal(headers['content-encoding'], coding);
      assert.match(headers['vary']!, /accept-encoding/);
      assert.equal(headers['content-length'], undefined);
      assert.equal(decode(body).toString(), text);
      assert.ok(body.length < text.length / 10);
    }
    const streamed = await get('/stream', { 'accept-encoding': 'gzip' });
    assert.equal(gunzipSync(streamed.body).toString(), text + text);
  });

  test('not where it is unwanted, useless or forbidden', async () => {
    for (const [path, accept] of [
      ['/', undefined],
      ['/', 'identity'],
      ['/', 'gzip;q=0'],
      ['/small', 'gzip'],
      ['/?content-type=image/png', 'gzip'],
      ['/?content-type=text/event-stream', 'gzip'],
      ['/?cache-control=no-transform', 'gzip'],
    ] as const) {
      const { headers, body } = await get(path, accept === undefined ? {} : { 'accept-encoding': accept });
      assert.equal(headers['content-encoding'], undefined, `${path} ${accept}`);
      assert.ok(path === '/small' ? body.toString() === 'small' : body.toString() === text);
    }
    assert.equal((await get('/?content-encoding=br', { 'accept-encoding': 'gzip' })).headers['content-encoding'], 'br');
  });

  test('a strong tag becomes a weak one: other bytes, same meaning', async () => {
    const { headers } = await get('/?etag="a"&vary=cookie', { 'accept-encoding': 'gzip' });
    assert.equal(headers['etag'], 'W/"a"');
    assert.equal(headers['vary'], 'cookie, accept-encoding');
  });
});

describe('entity tags', () => {
  test('a small answer gets one, and is not sent again to who has it', async () => {
    const first = await get('/small');
    assert.match(first.headers['etag']!, /^"[\w-]{27}"$/);
    for (const condition of [first.headers['etag']!, `"x", W/${first.headers['etag']}`, '*']) {
      const again = await get('/small', { 'if-none-match': condition });
      assert.equal(again.status, 304);
      assert.equal(again.body.length, 0);
      assert.equal(again.headers['etag'], first.headers['etag']);
    }
    assert.equal((await get('/small', { 'if-none-match': '"other"' })).status, 200);
  });
});
