import { asked, dateIn, may, must, reused, wait } from '../behaviour.ts';

const MINUTE = { 'cache-control': 'max-age=60' };
const PAST = dateIn(-3600);
const FUTURE = dateIn(3600);

/** How long an answer is fresh by its directives. */
export const freshness = [
  may('RFC 9111 §4.2.1', 'max-age makes an answer fresh', asked(MINUTE), wait('59s'), reused()),
  must('RFC 9111 §4.2', 'what is past its max-age is not reused', asked(MINUTE), wait('61s'), asked()),
  must('RFC 9111 §5.2.2.1', 'max-age=0 is never fresh', asked({ 'cache-control': 'max-age=0' }), asked()),
  must('RFC 9111 §4.2.1', 'a negative max-age is no freshness', asked({ 'cache-control': 'max-age=-60' }), asked()),
  must('RFC 9111 §4.2.1', 'a max-age that is no number is no freshness', asked({ 'cache-control': 'max-age=soon' }), asked()),
  must('RFC 9111 §4.2.1', 'a max-age without a value is no freshness', asked({ 'cache-control': 'max-age' }), asked()),
  must(
    'RFC 9111 §5.2.2.1',
    'max-age=0 counts before a future Expires',
    asked({ 'cache-control': 'max-age=0', expires: FUTURE }),
    asked(),
  ),
  may('RFC 9111 §5.3', 'max-age counts before a past Expires', asked({ ...MINUTE, expires: PAST }), wait('30s'), reused()),
  may(
    'RFC 9111 §5.3',
    'max-age counts before an Expires that is none',
    asked({ ...MINUTE, expires: '0' }),
    wait('30s'),
    reused(),
  ),
  ...['2147483647', '2147483648', '4294967296', '99999999999'].map((seconds) =>
    may(
      'RFC 9111 §1.2.2',
      `max-age=${seconds} is fresh for long`,
      asked({ 'cache-control': `max-age=${seconds}` }),
      wait('10m'),
      reused(),
    ),
  ),
  may(
    'RFC 9111 §5.2.3',
    'unknown directives beside max-age mean nothing',
    asked({ 'cache-control': 'colour=green, max-age=60, fast' }),
    reused(),
  ),
  may('RFC 9111 §5.2', 'directives have no case', asked({ 'cache-control': 'Max-AGE=60' }), reused()),
  must(
    'RFC 9111 §5.2.2.10',
    's-maxage makes an answer fresh for a shared cache',
    asked({ 'cache-control': 's-maxage=60' }),
    wait('59s'),
    reused(),
  ),
  must(
    'RFC 9111 §5.2.2.10',
    'a shorter s-maxage counts before max-age',
    asked({ 'cache-control': 's-maxage=10, max-age=600' }),
    wait('11s'),
    asked(),
  ),
  must(
    'RFC 9111 §5.2.2.10',
    'a shorter s-maxage counts before max-age, whatever their order',
    asked({ 'cache-control': 'max-age=600, s-maxage=10' }),
    wait('11s'),
    asked(),
  ),
  must(
    'RFC 9111 §5.2.2.10',
    'a shorter s-maxage counts before max-age on another line',
    asked({ 'cache-control': ['max-age=600', 's-maxage=10'] }),
    wait('11s'),
    asked(),
  ),
  may(
    'RFC 9111 §5.2.2.10',
    'a longer s-maxage counts before max-age',
    asked({ 'cache-control': 's-maxage=600, max-age=10' }),
    wait('1m'),
    reused(),
  ),
  may(
    'RFC 9111 §5.2.2.10',
    's-maxage counts before max-age=0 and a past Expires',
    asked({ 'cache-control': 's-maxage=600, max-age=0', expires: PAST }),
    reused(),
  ),
  must(
    'RFC 9111 §5.2.2.10',
    's-maxage=0 is never fresh for a shared cache',
    asked({ 'cache-control': 's-maxage=0, max-age=600' }),
    asked(),
  ),
  must(
    'RFC 9111 §4.2.1',
    'of two values of max-age doubt has the smaller',
    asked({ 'cache-control': 'max-age=600, max-age=5' }),
    wait('6s'),
    asked(),
  ),
  must(
    'RFC 9110 §5.6.4',
    'max-age within a quoted string is none',
    asked({ 'cache-control': 'note="max-age=600", max-age=0' }),
    asked(),
  ),
  must(
    'RFC 9110 §5.6.4',
    'max-age within a quoted string is none, behind the true one',
    asked({ 'cache-control': 'max-age=0, note="max-age=600"' }),
    asked(),
  ),
  must(
    'RFC 9110 §5.6.4',
    'an escaped quote does not end a quoted string',
    asked({ 'cache-control': 'note="a \\", max-age=600", max-age=0' }),
    asked(),
  ),
  must('RFC 9111 §4.2.1', 'single quotes are no quotes', asked({ 'cache-control': "max-age='600'" }), asked()),
  must(
    'RFC 9111 §1.2.2',
    'leading zeros of max-age mean nothing',
    asked({ 'cache-control': 'max-age=0060' }),
    wait('30s'),
    reused(),
  ),
  must(
    'RFC 9111 §4.2',
    'an answer that says nothing of freshness is not reused',
    asked({ 'content-type': 'text/plain' }),
    asked(),
  ),
];
