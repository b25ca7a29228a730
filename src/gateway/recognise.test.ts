import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assert as assertProperty, array, constantFrom, integer, property, tuple } from 'fast-check';
import { Recogniser, type PlainRequest } from './recognise.ts';

/** What is understood well enough to be answered from stored bytes. */
function recognisePlainGet(head: string, maxUrlBytes: number): PlainRequest | undefined {
  const request = new Recogniser(maxUrlBytes, 'http').recognise(head);
  return request?.storable ? request : undefined;
}

const plain =
  'GET /plans/dallas?sort=price&x=%20 HTTP/1.1\r\nHost: Example.com:8080\r\nUser-Agent: curl/8\r\nAccept: */*\r\n' +
  'Accept-Encoding: gzip, br\r\nConnection: Keep-Alive\r\nCookie: a=b; c=d\r\n\r\n';

describe('recognisePlainGet', () => {
  test('understands what browsers and clients send', () => {
    const { fields, ...request } = recognisePlainGet(plain, 8192)!;
    assert.equal(fields.passedOn.join('|'), 'user-agent|curl/8|accept|*/*|accept-encoding|gzip, br|cookie|a=b; c=d');
    assert.deepEqual(request, {
      method: 'GET',
      storable: true,
      authority: 'example.com:8080',
      target: '/plans/dallas?sort=price&x=%20',
      url: 'http://example.com:8080/plans/dallas?sort=price&x=%20',
      acceptEncoding: 'gzip, br',
      ifNoneMatch: undefined,
      userAgent: 'curl/8',
      referer: undefined,
      bytes: undefined,
    });
    assert.ok(recognisePlainGet('GET / HTTP/1.1\r\nHost: a\r\n\r\n', 8192));
    const known = recognisePlainGet('GET / HTTP/1.1\r\nHost: a\r\nIf-None-Match: "v1", "v2"\r\n\r\n', 8192);
    assert.equal(known?.ifNoneMatch, '"v1", "v2"');
  });

  test('refuses everything that could be read in another way, or asks for more than a plain answer', () => {
    const without = (line: string): string => `GET ${line}\r\nHost: a\r\n\r\n`;
    const withField = (field: string): string => `GET / HTTP/1.1\r\nHost: a\r\n${field}\r\n\r\n`;
    for (const head of [
      without('/ HTTP/1.0'),
      without('/ HTTP/1.1 '),
      without(' / HTTP/1.1'),
      without('/a/../b HTTP/1.1'),
      without('/.hidden HTTP/1.1'),
      without('/%41 HTTP/1.1'),
      without('http://a/ HTTP/1.1'),
      without('/#a HTTP/1.1'),
      without('/\\ HTTP/1.1'),
      'POST / HTTP/1.1\r\nHost: a\r\n\r\n',
      'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n',
      'get / HTTP/1.1\r\nHost: a\r\n\r\n',
      'GET / HTTP/1.1\r\n\r\n',
      'GET / HTTP/1.1\nHost: a\n\n',
      'GET / HTTP/1.1\r\nHost: a\r\n',
      'GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: a:80\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n',
      'GET / HTTP/1.1\r\nHost : a\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: a \r\n\r\n',
      withField('Content-Length: 0'),
      withField('Transfer-Encoding: chunked'),
      withField('If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT'),
      withField('Range: bytes=0-1'),
      withField('Authorization: Basic eDp5'),
      withField('Cache-Control: no-cache'),
      withField('Pragma: no-cache'),
      withField('Expect: 100-continue'),
      withField('Upgrade: websocket'),
      withField('Connection: close'),
      withField('Connection: keep-alive, upgrade'),
      withField('X-Forwarded-For: 1.2.3.4'),
      withField('X-Unknown: 1'),
      withField('Cookie: a\r\nCookie: b'),
      withField('Accept-Encoding: gzip\r\nAccept-Encoding: br'),
      withField('Accept: a\tb'),
      withField('Accept: \x80'),
      withField('Accept:'),
      withField('Accept: a\rb'),
      withField('Accept\0: a'),
    ])
      assert.equal(recognisePlainGet(head, 8192), undefined, JSON.stringify(head));
    assert.equal(recognisePlainGet(`GET /${'a'.repeat(300)} HTTP/1.1\r\nHost: a\r\n\r\n`, 256), undefined);
  });

  test('a byte put in, taken out or changed leaves it understood only where its meaning is plain', () => {
    const edit = tuple(
      integer({ min: 0, max: plain.length - 1 }),
      constantFrom('insert', 'delete', 'replace'),
      integer({ min: 0, max: 255 }),
    );
    assertProperty(
      property(array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
        let head = plain;
        for (const [at, kind, byte] of edits) {
          const char = kind === 'delete' ? '' : String.fromCharCode(byte);
          head = head.slice(0, at) + char + head.slice(kind === 'insert' ? at : at + 1);
        }
        const get = recognisePlainGet(head, 8192);
        if (!get) return;
        // Whatever is understood is clean: one line end, printable ASCII, two words and the version, one Host.
        assert.match(
          head,
          /^GET \/[\x21-\x7e]* HTTP\/1\.1\r\n(?:[A-Za-z][A-Za-z0-9-]*: ?[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?\r\n)+\r\n$/,
        );
        assert.equal(head.match(/^host:/gim)?.length, 1);
        assert.doesNotMatch(
          head,
          /^(?:content-length|transfer-encoding|upgrade|expect|range|if-|authorization|cache-control|pragma)/im,
        );
      }),
      { numRuns: 5000 },
    );
  });
});
