import { type Ask, asked, may, must, notInSafe, reused, validated, wait } from '../behaviour.ts';

const MINUTE = { 'cache-control': 'max-age=60' };
const TAG = { ...MINUTE, etag: '"v1"' };
const says = (value: string): Ask => ({ fields: { 'cache-control': value } });

/** What a request asks of caches. */
export const requests = [
  ...notInSafe(
    'clients cannot demand fresher answers than the policy gives',
    must(
      'RFC 9111 §5.2.1.4',
      'no-cache has a fresh answer validated',
      asked(TAG),
      validated(TAG, { 'if-none-match': '"v1"' }, { status: 200 }, says('no-cache')),
    ),
    must(
      'RFC 9111 §5.2.1.1',
      'max-age=0 has a fresh answer validated',
      asked(TAG),
      wait('1s'),
      validated(TAG, { 'if-none-match': '"v1"' }, { status: 200 }, says('max-age=0')),
    ),
    must(
      'RFC 9111 §5.2.1.1',
      'max-age refuses an older answer',
      asked(MINUTE),
      wait('30s'),
      asked(MINUTE, { ask: says('max-age=20') }),
    ),
    must(
      'RFC 9111 §5.2.1.3',
      'min-fresh refuses an answer that is soon stale',
      asked(MINUTE),
      wait('30s'),
      asked(MINUTE, { ask: says('min-fresh=40') }),
    ),
    must('RFC 9111 §5.2.1.5', 'no-store keeps the answer from being stored', asked(MINUTE, { ask: says('no-store') }), asked()),
    may('RFC 9111 §5.2.1.2', 'max-stale takes an answer so stale', asked(MINUTE), wait('70s'), reused({}, says('max-stale=20'))),
    may('RFC 9111 §5.2.1.2', 'max-stale without a value takes any', asked(MINUTE), wait('10m'), reused({}, says('max-stale'))),
    must(
      'RFC 9111 §5.4',
      'Pragma: no-cache asks for validation where there is no Cache-Control',
      asked(TAG),
      validated(TAG, { 'if-none-match': '"v1"' }, { status: 200 }, { fields: { pragma: 'no-cache' } }),
    ),
  ),
  may('RFC 9111 §5.2.1.1', 'max-age takes an answer no older', asked(MINUTE), wait('10s'), reused({}, says('max-age=20'))),
  may(
    'RFC 9111 §5.2.1.3',
    'min-fresh takes an answer that stays fresh so long',
    asked(MINUTE),
    wait('10s'),
    reused({}, says('min-fresh=40')),
  ),
  must(
    'RFC 9111 §5.2.1.2',
    'max-stale does not take an answer staler than that',
    asked(MINUTE),
    wait('100s'),
    asked(MINUTE, { ask: says('max-stale=20') }),
  ),
  must(
    'RFC 9111 §5.2.2.2',
    'max-stale does not outweigh must-revalidate',
    asked({ 'cache-control': 'max-age=60, must-revalidate' }),
    wait('70s'),
    asked({}, { ask: says('max-stale=600') }),
  ),
  must('RFC 9111 §5.2.1.7', 'only-if-cached and nothing stored: 504', {
    kind: 'request',
    ask: says('only-if-cached'),
    answer: {},
    origin: 'is not asked',
    got: { status: 504, fields: { 'content-type': 'application/problem+json' } },
  }),
  may('RFC 9111 §5.2.1.7', 'only-if-cached takes a stored answer', asked(MINUTE), reused({}, says('only-if-cached'))),
  must(
    'RFC 9111 §5.4',
    'Pragma means nothing beside Cache-Control',
    asked(MINUTE),
    reused({}, { fields: { pragma: 'no-cache', 'cache-control': 'max-age=600' } }),
  ),
  may('RFC 9111 §5.4', 'Pragma in an answer means nothing', asked({ ...MINUTE, pragma: 'no-cache' }), reused()),
  may('RFC 9111 §5.2.3', 'unknown directives of a request mean nothing', asked(MINUTE), reused({}, says('colour=green'))),
];

/** What names a stored answer. */
export const keys = [
  must(
    'RFC 9111 §2',
    'another query is another answer',
    asked(MINUTE, { ask: { at: '?a' } }),
    asked(MINUTE, { ask: { at: '?b' } }),
  ),
  may(
    'RFC 9111 §2',
    'the same query is the same answer',
    asked(MINUTE, { ask: { at: '?a=1&b=2' } }),
    reused({}, { at: '?a=1&b=2' }),
  ),
  must(
    'RFC 9111 §2',
    'another host is another answer',
    asked(MINUTE, { ask: { host: 'one.test' } }),
    asked(MINUTE, { ask: { host: 'two.test' } }),
  ),
  must(
    'RFC 9111 §2',
    'another path is another answer',
    asked(MINUTE, { ask: { at: '/a' } }),
    asked(MINUTE, { ask: { at: '/A' } }),
  ),
  may('RFC 9110 §4.2.3', 'hosts have no case', asked(MINUTE, { ask: { host: 'CASE.test' } }), reused({}, { host: 'case.TEST' })),
  may(
    'RFC 9110 §4.2.3',
    'the default port is none',
    asked(MINUTE, { ask: { host: 'port.test:80' } }),
    reused({}, { host: 'port.test' }),
  ),
  may(
    'RFC 9110 §4.2.3',
    'a needless percent-encoding is undone',
    asked(MINUTE, { ask: { at: '/%7Euser' } }),
    reused({}, { at: '/~user' }),
  ),
  may('RFC 3986 §6.2.2', 'dot segments are resolved', asked(MINUTE, { ask: { at: '/a' } }), reused({}, { at: '/b/../a' })),
  may(
    'draft-ietf-httpbis-no-vary-search',
    'parameters the origin once called meaningless make no other answer',
    asked({ ...MINUTE, 'no-vary-search': 'params=("utm")' }, { ask: { at: '?a=1&utm=x' } }),
    asked({ ...MINUTE, 'no-vary-search': 'params=("utm")' }, { ask: { at: '?a=1&utm=y' } }),
    reused({}, { at: '?a=1&utm=z' }),
  ),
  must(
    'draft-ietf-httpbis-no-vary-search',
    'the other parameters do',
    asked({ ...MINUTE, 'no-vary-search': 'params=("utm")' }, { ask: { at: '?a=1&utm=x' } }),
    asked(MINUTE, { ask: { at: '?a=2&utm=x' } }),
  ),
];

/** Interim answers, and what the cache says of itself. */
export const reporting = [
  may(
    'RFC 8297 §2',
    '103 goes to the client, the final answer is stored',
    asked({ fields: MINUTE, early: [[103, {}]] }, { got: { early: [103] } }),
    reused({ early: [] }),
  ),
  may(
    'RFC 9110 §15.2',
    '102 goes to the client, the final answer is stored',
    asked({ fields: MINUTE, early: [[102, {}]] }, { got: { early: [102] } }),
    reused({ early: [] }),
  ),
  must(
    'RFC 9111 §3',
    'an interim answer is not stored in place of the final one',
    asked({ early: [[103, { 'cache-control': 'max-age=3600' }]] }),
    asked(),
  ),
  may(
    'RFC 9110 §15.2',
    'fields of an interim answer are not those of the final one',
    asked({ fields: MINUTE, early: [[103, { 'x-early': 'hint' }]] }),
    reused({ fields: { 'x-early': undefined, link: undefined } }),
  ),
  must(
    'RFC 9211 §2',
    'Cache-Status says where an answer came from',
    asked(MINUTE, { got: { fields: { 'cache-status': /^spillway; fwd=uri-miss; stored/ } } }),
    reused({ fields: { 'cache-status': 'spillway; hit; ttl=60' } }),
  ),
  must(
    'RFC 9211 §2.2',
    'Cache-Status says why the origin was asked: stale',
    asked(TAG),
    wait('61s'),
    validated(TAG, {}, { fields: { 'cache-status': /fwd=stale; fwd-status=304/ } }),
  ),
  must(
    'RFC 9211 §2.2',
    'Cache-Status says why the origin was asked: method',
    asked({}, { ask: { method: 'POST' }, got: { fields: { 'cache-status': /fwd=method/ } } }),
  ),
  must(
    'RFC 9211 §2',
    'Cache-Status is added behind that of caches before',
    asked({ ...MINUTE, 'cache-status': 'inner; hit' }, { got: { fields: { 'cache-status': /^inner; hit, spillway; fwd=/ } } }),
    reused({ fields: { 'cache-status': /^inner; hit, spillway; hit/ } }),
  ),
];
