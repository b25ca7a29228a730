import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { routePolicy } from '../../test/http/rig/page-server.ts';
import { judge, type AnswerFacts, type Profile } from './freshness.ts';

const NOW = Date.UTC(2026, 0, 1, 12);
const DATE = 'Thu, 01 Jan 2026 12:00:00 GMT';
const byPolicy = routePolicy().cache!;
const byOrigin = routePolicy({ freshness: 'origin' }).cache!;

function verdict(fields: Record<string, string>, rest: Partial<AnswerFacts> = {}, profile: Profile = 'rfc', policy = byOrigin) {
  return judge(
    {
      status: 200,
      fields: Object.entries(fields).flat(),
      requestMs: NOW,
      responseMs: NOW,
      hasAuthorization: false,
      hasCookie: false,
      requestNoStore: false,
      ...rest,
    },
    policy,
    profile,
  );
}

function fresh(fields: Record<string, string>, rest: Partial<AnswerFacts> = {}, profile: Profile = 'rfc'): number | string {
  const given = verdict({ date: DATE, ...fields }, rest, profile);
  return given.store ? given.freshMs - given.initialAgeMs : given.why;
}

describe('freshness by the origin', () => {
  it('takes s-maxage, then max-age, then Expires', () => {
    assert.equal(fresh({ 'cache-control': 's-maxage=3, max-age=2', expires: DATE }), 3000);
    assert.equal(fresh({ 'cache-control': 'max-age=2', expires: 'nonsense' }), 2000);
    assert.equal(fresh({ expires: 'Thu, 01 Jan 2026 12:00:05 GMT' }), 5000);
    assert.equal(fresh({ expires: '0' }), 0);
  });

  it('counts the age it came with: the first number, and nonsense as none', () => {
    const withAge = (age: string) => fresh({ 'cache-control': 'max-age=100', age });
    assert.deepEqual(
      ['30', '30, 90', '30;x', 'abc', '-5', '1.5'].map(withAge),
      [70_000, 70_000, 70_000, 100_000, 100_000, 100_000],
    );
    assert.equal(fresh({ 'cache-control': 'max-age=100' }, { requestMs: NOW - 4000 }), 96_000);
    assert.equal(fresh({ 'cache-control': 'max-age=100', date: 'Thu, 01 Jan 2026 11:59:50 GMT' }), 90_000);
  });

  it('guesses only in profile rfc, a tenth of the time since the last change', () => {
    const fields = { 'last-modified': 'Thu, 01 Jan 2026 11:50:00 GMT' };
    assert.equal(fresh(fields), 60_000);
    assert.equal(fresh(fields, {}, 'safe'), 0);
    assert.equal(fresh({}), 'no-freshness');
    assert.equal(fresh(fields, { status: 302 }), 'no-freshness');
  });

  it('does not store what is not for everybody', () => {
    const shared = { 'cache-control': 'max-age=9' };
    assert.equal(fresh({ 'cache-control': 'max-age=9, no-store' }), 'no-store');
    assert.equal(fresh({ 'cache-control': 'max-age=9, private' }), 'private');
    assert.equal(fresh({ ...shared, vary: 'a, *' }), 'vary');
    assert.equal(fresh(shared, { hasAuthorization: true }), 'authorization');
    assert.equal(fresh({ 'cache-control': 'public, max-age=9' }, { hasAuthorization: true }), 9000);
    assert.equal(fresh({ 'cache-control': 'public, max-age=9' }, { hasAuthorization: true }, 'safe'), 'authorization');
    assert.equal(fresh({ ...shared, 'set-cookie': 'a=b' }), 9000);
    assert.equal(fresh({ ...shared, 'set-cookie': 'a=b' }, {}, 'safe'), 'set-cookie');
    assert.equal(fresh(shared, { hasCookie: true }, 'safe'), 'cookie');
    assert.equal(fresh({ 'cache-control': 's-maxage=9' }, { hasCookie: true }, 'safe'), 9000);
  });

  it('must-understand lifts no-store for statuses it knows', () => {
    const fields = { 'cache-control': 'max-age=9, no-store, must-understand' };
    assert.equal(fresh(fields), 9000);
    assert.equal(fresh(fields, { status: 599 }), 'no-store');
  });

  it('serves stale as far as the origin says, and never against its word', () => {
    const stale = (value: string) => {
      const given = verdict({ 'cache-control': value });
      assert.ok(given.store);
      return [given.staleWhileRevalidateMs, given.staleIfErrorMs, given.staleIfUnreachableMs];
    };
    const day = 86_400_000;
    assert.deepEqual(stale('max-age=9, stale-while-revalidate=5, stale-if-error=7'), [5000, 7000, day]);
    assert.deepEqual(stale('max-age=9'), [0, 0, day]);
    for (const word of ['must-revalidate', 'proxy-revalidate', 's-maxage=9', 'no-cache'])
      assert.deepEqual(stale(`max-age=9, stale-if-error=7, ${word}`), [0, 0, 0], word);
  });
});

describe('freshness by policy', () => {
  const policyVerdict = (fields: Record<string, string>, status = 200) => {
    const given = verdict(fields, { status }, 'safe', byPolicy);
    return given.store ? [given.freshMs, given.staleIfErrorMs] : given.why;
  };

  it('takes the class’s times whatever the origin’s lifetime', () => {
    const grace = 7_200_000 - 900_000 + 86_400_000;
    assert.deepEqual(policyVerdict({}), [900_000, grace]);
    assert.deepEqual(policyVerdict({ 'cache-control': 'public, max-age=0, must-revalidate' }), [900_000, grace]);
  });

  it('obeys what the origin forbids, and keeps errors a minute or not at all', () => {
    for (const word of ['no-store', 'private', 'no-cache']) assert.equal(policyVerdict({ 'cache-control': word }), word);
    assert.deepEqual(policyVerdict({}, 404), [60_000, 0]);
    for (const status of [206, 302, 400, 403, 500, 503]) assert.equal(policyVerdict({}, status), 'status', String(status));
  });
});
