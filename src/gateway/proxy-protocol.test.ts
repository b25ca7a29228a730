import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseProxyHeader } from './proxy-protocol.ts';

const v2 = (command: number, family: number, addresses: number[]): Buffer =>
  Buffer.from([13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10, 0x20 | command, family, 0, addresses.length, ...addresses]);

test('version 1', () => {
  const line = 'PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n';
  assert.deepEqual(parseProxyHeader(Buffer.from(`${line}GET /`)), { kind: 'header', length: line.length, address: '192.0.2.1' });
  assert.deepEqual(parseProxyHeader(Buffer.from('PROXY TCP6 2001:DB8::1 ::1 1 2\r\n')), {
    kind: 'header',
    length: 32,
    address: '2001:db8::1',
  });
  assert.deepEqual(parseProxyHeader(Buffer.from('PROXY UNKNOWN\r\n')), { kind: 'header', length: 15, address: undefined });
});

test('version 2', () => {
  const ipv4 = v2(1, 0x11, [192, 0, 2, 1, 198, 51, 100, 1, 1, 1, 2, 2]);
  assert.deepEqual(parseProxyHeader(Buffer.concat([ipv4, Buffer.from('GET')])), {
    kind: 'header',
    length: 28,
    address: '192.0.2.1',
  });
  const address = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
  const ipv6 = v2(1, 0x21, [...address, ...address, 1, 1, 2, 2]);
  assert.deepEqual(parseProxyHeader(ipv6), { kind: 'header', length: 52, address: '2001:db8::1' });
  assert.deepEqual(parseProxyHeader(v2(0, 0, [])), { kind: 'header', length: 16, address: undefined });
});

test('byte by byte it is incomplete until it is whole', () => {
  for (const whole of [
    Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.1 1 2\r\n'),
    v2(1, 0x11, [1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 0, 2]),
  ]) {
    for (let length = 0; length < whole.length; length++)
      assert.equal(parseProxyHeader(whole.subarray(0, length)).kind, 'incomplete', String(length));
    assert.equal(parseProxyHeader(whole).kind, 'header');
  }
});

test('anything else is wrong', () => {
  for (const text of [
    'GET / HTTP/1.1\r\n',
    'PROXY TCP4 nonsense 1 1 1\r\n',
    'PROXY TCP5 1.2.3.4 1 1 1\r\n',
    `PROXY ${'x'.repeat(200)}`,
    'PX',
  ])
    assert.equal(parseProxyHeader(Buffer.from(text)).kind, 'wrong', text);
  assert.equal(parseProxyHeader(v2(1, 0x11, [1, 2])).kind, 'wrong');
});
