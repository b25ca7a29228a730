import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalAddress, ClientAddresses } from './client-address.ts';

test('without trusted proxies, forwarding headers say nothing', () => {
  assert.equal(new ClientAddresses([]).clientOf('::ffff:10.0.0.1', '1.2.3.4'), '10.0.0.1');
});

test('the list is read from its end, as far as trust reaches', () => {
  const addresses = new ClientAddresses(['loopback', '10.0.0.0/8', '2001:db8::7']);
  assert.equal(addresses.clientOf('127.0.0.1', '1.2.3.4'), '1.2.3.4');
  assert.equal(addresses.clientOf('127.0.0.1', '6.6.6.6, 1.2.3.4, 10.1.1.1'), '1.2.3.4');
  assert.equal(addresses.clientOf('127.0.0.1', '6.6.6.6, garbage, 10.1.1.1'), '10.1.1.1');
  assert.equal(addresses.clientOf('2001:db8::7', '[2001:db8::9]:443'), '2001:db8::9');
  assert.equal(addresses.clientOf('127.0.0.1', undefined), '127.0.0.1');
  assert.equal(addresses.clientOf('9.9.9.9', '1.2.3.4'), '9.9.9.9');
});

test('an address has one spelling', () => {
  assert.equal(canonicalAddress('::ffff:1.2.3.4'), '1.2.3.4');
  assert.equal(canonicalAddress('2001:0DB8::0001'), '2001:db8::1');
  assert.equal(canonicalAddress('fe80::1%eth0'), 'fe80::1');
  assert.equal(canonicalAddress('1.2.3.4:80'), '1.2.3.4');
  for (const text of ['', 'unknown', '_hidden', '1.2.3', '999.1.1.1']) assert.equal(canonicalAddress(text), '');
});

test('a wrong entry is refused by name', () => {
  assert.throws(() => new ClientAddresses(['10.0.0.0/8', 'lopback']), /trustedProxies\[1\].*\n.*did you mean 'loopback'/s);
});
