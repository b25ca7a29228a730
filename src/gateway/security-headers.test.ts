import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseOptions } from '../kernel/index.ts';
import { securityHeadersSection } from '../policy/index.ts';
import { SecurityHeaders, type SecurityHeadersSettings } from './security-headers.ts';

function added(options: object, fields: string[], scheme: 'http' | 'https' = 'https'): Record<string, string> {
  const settings = parseOptions(securityHeadersSection, options, 'securityHeaders') as Exclude<SecurityHeadersSettings, false>;
  const all = new SecurityHeaders(settings).addTo(fields, scheme).slice(fields.length);
  return Object.fromEntries(Array.from({ length: all.length / 2 }, (_, at) => [all[at * 2]!, all[at * 2 + 1]!]));
}

const html = ['content-type', 'text/html; charset=utf-8'];

test('documents get what concerns documents, everything else what concerns everything', () => {
  assert.deepEqual(added({}, html), {
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'strict-origin-when-cross-origin',
    'x-frame-options': 'SAMEORIGIN',
    'content-security-policy': "frame-ancestors 'self'",
    'strict-transport-security': 'max-age=15552000',
  });
  const all = { 'x-content-type-options': 'nosniff', 'strict-transport-security': 'max-age=15552000' };
  assert.deepEqual(added({}, ['content-type', 'application/json']), all);
  assert.deepEqual(added({}, []), all);
});

test('what the upstream says itself stands', () => {
  const own = [
    'x-content-type-options',
    'x',
    'referrer-policy',
    'origin',
    'x-frame-options',
    'ALLOW',
    'content-security-policy',
    '',
  ];
  assert.deepEqual(added({ hsts: false }, [...html, ...own]), {});
  assert.deepEqual(added({ noSniff: false }, ['strict-transport-security', 'max-age=0']), {});
});

test('over plain HTTP nothing is said about TLS', () => {
  assert.deepEqual(added({}, [], 'http'), { 'x-content-type-options': 'nosniff' });
});

test('each can be chosen, or left out', () => {
  assert.deepEqual(
    added(
      {
        hsts: { maxAge: '365d', includeSubDomains: true, preload: true },
        noSniff: false,
        referrerPolicy: 'no-referrer',
        frames: 'none',
        permissionsPolicy: 'camera=()',
      },
      html,
    ),
    {
      'referrer-policy': 'no-referrer',
      'x-frame-options': 'DENY',
      'content-security-policy': "frame-ancestors 'none'",
      'permissions-policy': 'camera=()',
      'strict-transport-security': 'max-age=31536000; includeSubDomains; preload',
    },
  );
  const none = { hsts: false, noSniff: false, referrerPolicy: false, frames: 'any' };
  const fields = [...html];
  const subject = new SecurityHeaders(parseOptions(securityHeadersSection, none, 'x') as Exclude<SecurityHeadersSettings, false>);
  assert.equal(subject.addTo(fields, 'https'), fields);
});

test('a value that would end its field is refused', () => {
  assert.throws(() => added({ permissionsPolicy: 'a\r\nset-cookie: b' }, html), /permissionsPolicy/);
});
