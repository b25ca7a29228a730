import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { array, constantFrom, oneof, property, stringMatching, assert as assertProperty } from 'fast-check';
import { normaliseAuthority, parseTarget } from './target.ts';

function pathOf(target: string): string {
  const parsed = parseTarget(target);
  return parsed.ok ? parsed.path : `refused: ${parsed.reason}`;
}

describe('parseTarget', () => {
  test('brings equal paths into one spelling', () => {
    for (const [target, path] of [
      ['/', '/'],
      ['/a/./b', '/a/b'],
      ['/a/../b', '/b'],
      ['/a/%2e%2E/b', '/b'],
      ['/..', '/'],
      ['/a/b/..', '/a/'],
      ['/a/.', '/a/'],
      ['/%41%7e', '/A~'],
      ['/a%2fb', '/a%2Fb'],
      ['/a//b', '/a//b'],
      ['/caf\u00c3\u00a9', '/caf%C3%A9'],
      ['/a|b', '/a%7Cb'],
    ] as const)
      assert.equal(pathOf(target), path, target);
  });

  test('keeps the query as it is', () => {
    assert.deepEqual(parseTarget('/a?b=%41&c=../d?e'), { ok: true, path: '/a', query: 'b=%41&c=../d?e', authority: undefined });
  });

  test('reads the absolute form', () => {
    assert.deepEqual(parseTarget('HTTP://Example.com:81/x?y'), { ok: true, path: '/x', query: 'y', authority: 'example.com:81' });
    assert.equal(pathOf('http://example.com'), '/');
    assert.equal(pathOf('http://example.com?q'), '/');
  });

  test('refuses what can be read in two ways', () => {
    for (const target of [
      '*',
      'a',
      '',
      'ftp://a/',
      '/a\\b',
      '/a%00',
      '/a%',
      '/a%4',
      '/a%zz',
      '/a#b',
      '/a b',
      '/a\x01',
      'http://u@h/',
    ])
      assert.match(pathOf(target), /^refused/, target);
  });

  test('what it gives, it gives again, and no dot segment is left', () => {
    const segment = oneof(constantFrom('.', '..', '%2e', '%2E%2e', '', '%2F', '%41'), stringMatching(/^[a-z%.]{0,4}$/));
    assertProperty(
      property(array(segment, { maxLength: 6 }), (segments) => {
        const first = parseTarget(`/${segments.join('/')}`);
        if (!first.ok) return;
        assert.deepEqual(parseTarget(first.path), first);
        assert.ok(!first.path.split('/').some((part) => part === '.' || part === '..'), first.path);
      }),
    );
  });
});

test('normaliseAuthority drops the scheme’s own port and refuses what is no host', () => {
  assert.equal(normaliseAuthority('Example.COM:80', 'http'), 'example.com');
  assert.equal(normaliseAuthority('example.com:80', 'https'), 'example.com:80');
  assert.equal(normaliseAuthority('[::1]:443', 'https'), '[::1]');
  for (const host of ['', 'a b', 'a/b', 'a@b', 'a:b', '[::1', 'a:123456'])
    assert.equal(normaliseAuthority(host, 'http'), undefined);
});
