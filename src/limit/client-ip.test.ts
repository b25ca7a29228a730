import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientAddress } from './client-ip.ts';

test('without trusted proxies the peer is the client, whatever it claims', () => {
  assert.equal(clientAddress([])('192.0.2.1', '10.0.0.1'), '192.0.2.1');
  assert.equal(clientAddress(0)('192.0.2.1', '10.0.0.1'), '192.0.2.1');
});

test('behind trusted proxies the client is the last address that is none of them', () => {
  const find = clientAddress(['loopback', '10.0.0.0/8']);
  assert.equal(find('127.0.0.1', '203.0.113.9'), '203.0.113.9');
  assert.equal(find('127.0.0.1', 'forged, 203.0.113.9, 10.1.2.3'), '203.0.113.9');
  assert.equal(find('::ffff:127.0.0.1', '203.0.113.9:4711'), '203.0.113.9');
  assert.equal(find('10.1.1.1', '[2001:db8::1]:443'), '2001:db8::1');
  assert.equal(find('198.51.100.1', '203.0.113.9'), '198.51.100.1');
  assert.equal(find('127.0.0.1', undefined), '127.0.0.1');
});

test('a number of hops counts from the end', () => {
  assert.equal(clientAddress(1)('127.0.0.1', 'forged, 203.0.113.9'), '203.0.113.9');
  assert.equal(clientAddress(2)('127.0.0.1', 'forged, 203.0.113.9, 10.0.0.1'), '203.0.113.9');
});
