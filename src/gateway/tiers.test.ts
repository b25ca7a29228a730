import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseOptions } from '../kernel/index.ts';
import { tiersSection } from '../policy/index.ts';
import type { Exchange } from '../ports/index.ts';
import { createTierOf, signTier } from './tiers.ts';

const secret = 'sixteen characters';
const tierOf = createTierOf({ header: 'X-Tier', cookie: 'tier', secret }, ['10.0.0.0/8']);

function from(remoteAddress: string, headers: Record<string, string | string[]>): Exchange {
  return { request: { headers, socket: { remoteAddress } } } as unknown as Exchange;
}

test('a trusted proxy says the tier; nobody else is believed', () => {
  assert.equal(tierOf(from('10.1.2.3', { 'x-tier': 'premium' })), 'premium');
  assert.equal(tierOf(from('192.0.2.1', { 'x-tier': 'premium' })), undefined);
  assert.equal(tierOf(from('10.1.2.3', { 'x-tier': 'no tier' })), undefined);
  assert.equal(tierOf(from('10.1.2.3', {})), undefined);
});

test('a signed cookie says it too; a forged one says nothing', () => {
  const signed = signTier('premium', secret);
  assert.equal(tierOf(from('192.0.2.1', { cookie: `a=b; tier=${signed}; c=d` })), 'premium');
  for (const forged of [
    'premium',
    'premium.',
    `gold${signed.slice(7)}`,
    `${signed}x`,
    signTier('premium', 'another secret...'),
    '.x',
  ])
    assert.equal(tierOf(from('192.0.2.1', { cookie: `tier=${forged}` })), undefined, forged);
  assert.equal(tierOf(from('10.1.2.3', { 'x-tier': 'free', cookie: `tier=${signed}` })), 'free');
});

test('what cannot be a tier is not signed, and a cookie needs a secret', () => {
  assert.throws(() => signTier('a; Path=/', secret), RangeError);
  assert.throws(() => parseOptions(tiersSection, { cookie: 'tier' }, 'tiers'), /secret.*is needed for a cookie/s);
});
