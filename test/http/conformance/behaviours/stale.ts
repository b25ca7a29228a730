import { asked, failed, may, must, reused, untilAsked, validated, wait } from '../behaviour.ts';

const SWR = { 'cache-control': 'max-age=60, stale-while-revalidate=120' };
const SIE = { 'cache-control': 'max-age=60, stale-if-error=120' };
const DOWN = { breaksOff: 'at once' } as const;

/** What may be served past its freshness. */
export const stale = [
  may(
    'RFC 5861 §3',
    'stale-while-revalidate: the stored answer at once, a new one behind it',
    asked(SWR),
    wait('61s'),
    { kind: 'request', ask: {}, answer: { fields: SWR }, origin: 'either', got: { body: 'answer 1' } },
    untilAsked(2),
    reused({ body: 'answer 2' }),
  ),
  must('RFC 5861 §3', 'past the stale-while-revalidate window the origin is asked first', asked(SWR), wait('181s'), asked()),
  must(
    'RFC 5861 §3',
    'a stale answer says its Age',
    asked(SWR),
    wait('61s'),
    { kind: 'request', ask: {}, answer: { fields: SWR }, origin: 'either', got: { body: 'answer 1', fields: { age: '61' } } },
    untilAsked(2),
  ),
  ...[500, 502, 503, 504].map((status) =>
    may(
      'RFC 5861 §4',
      `stale-if-error: the stored answer in place of ${status}`,
      asked(SIE),
      wait('61s'),
      asked({ status, body: 'broken' }, { got: { status: 200, body: 'answer 1' } }),
    ),
  ),
  may(
    'RFC 5861 §4',
    'stale-if-error: the stored answer where the origin breaks off',
    asked(SIE),
    wait('61s'),
    asked(DOWN, { got: { status: 200, body: 'answer 1' } }),
  ),
  must(
    'RFC 5861 §4',
    'another status is no error',
    asked(SIE),
    wait('61s'),
    asked({ status: 404, body: 'gone' }, { got: { status: 404 } }),
  ),
  may(
    'RFC 9111 §4.2.4',
    'an origin that cannot be reached: the stored answer',
    asked({ 'cache-control': 'max-age=60' }),
    wait('61s'),
    asked(DOWN, { got: { status: 200, body: 'answer 1' } }),
  ),
  must(
    'RFC 9111 §5.2.2.2',
    'must-revalidate: an error instead of a stale answer',
    asked({ 'cache-control': 'max-age=60, must-revalidate, stale-if-error=600' }),
    wait('61s'),
    failed(),
  ),
  must(
    'RFC 9111 §4.3.3',
    'an error the origin answers goes out where nothing says otherwise',
    asked({ 'cache-control': 'max-age=60, must-revalidate', etag: '"v1"' }),
    wait('61s'),
    asked({ status: 503, body: 'broken' }, { got: { status: 503 } }),
  ),
  must('RFC 9111 §4.2.4', 'nothing stored and no origin: an error of the gateway', failed()),
  must(
    'RFC 9111 §4.3.4',
    'a stale answer is fresh again after its validation',
    asked({ ...SIE, etag: '"v1"' }),
    wait('61s'),
    validated(SIE, { 'if-none-match': '"v1"' }),
    wait('59s'),
    reused(),
  ),
];
