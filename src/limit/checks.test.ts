import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MisconfigurationChecks } from './checks.ts';

function checks() {
  const checks = new MisconfigurationChecks();
  const said: string[] = [];
  checks.events.on('misconfigured', ({ code }) => said.push(code));
  return { checks, said };
}

test('each fault is said once', () => {
  const { checks: subject, said } = checks();
  subject.warn('noAddress');
  subject.warn('noAddress');
  assert.deepEqual(said, ['noAddress']);
});

test('a limiter per request is noticed by their number', () => {
  const { checks: subject, said } = checks();
  for (let i = 0; i < 200; i++) subject.limiterCreated(i);
  assert.deepEqual(said, []);
  subject.limiterCreated(201);
  assert.deepEqual(said, ['limiterPerRequest']);
});

test('the same scope with other limits is noticed; with the same it is shared on purpose', () => {
  const { checks: subject, said } = checks();
  const store = {};
  subject.scopeUsed(store, 'api', '10-per-1m');
  subject.scopeUsed(store, 'api', '10-per-1m');
  subject.scopeUsed({}, 'api', '99-per-1m');
  assert.deepEqual(said, []);
  subject.scopeUsed(store, 'api', '99-per-1m');
  assert.deepEqual(said, ['sharedScope']);
});
