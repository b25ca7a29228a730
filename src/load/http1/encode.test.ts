import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeRequest } from './encode.ts';

test('writes a GET', () => {
  const request = encodeRequest('GET', '/a?b=c', 'example.com:8080', { headers: { Accept: 'text/html' } });
  assert.equal(request.http1.toString(), 'GET /a?b=c HTTP/1.1\r\nhost: example.com:8080\r\naccept: text/html\r\n\r\n');
  assert.equal(request.idempotent, true);
});

test('writes a JSON body with its type and length in bytes', () => {
  const request = encodeRequest('POST', '/a', 'h', { json: { name: 'é' } });
  assert.equal(
    request.http1.toString(),
    'POST /a HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\ncontent-length: 13\r\n\r\n{"name":"é"}',
  );
  assert.equal(request.idempotent, false);
});

test('one request a connection says so', () => {
  assert.match(encodeRequest('GET', '/', 'h', {}, false).http1.toString(), /\r\nconnection: close\r\n\r\n$/);
});

test('framing fields are its own business; Host may be set', () => {
  const headers = { 'Content-Length': '7', 'Transfer-Encoding': 'chunked', Connection: 'close', Host: 'shop.example' };
  assert.equal(encodeRequest('GET', '/', 'h', { headers }).http1.toString(), 'GET / HTTP/1.1\r\nhost: shop.example\r\n\r\n');
});

test('refuses what would break the message', () => {
  for (const path of ['no-slash', '/a b', '/a\r\nX: y', '/ü', ''])
    assert.throws(() => encodeRequest('GET', path, 'h'), /is not a path/);
  assert.throws(() => encodeRequest('GE T', '/', 'h'), /is not a method/);
  assert.throws(() => encodeRequest('GET', '/', 'h', { headers: { 'a b': 'c' } }), /is not a header name/);
  assert.throws(() => encodeRequest('GET', '/', 'h', { headers: { a: 'b\r\nc: d' } }), /line break/);
});
