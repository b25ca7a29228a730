import { asked, dateIn, may, must, reused, wait } from '../behaviour.ts';

const cdn = (value: string | readonly string[], more = {}) => asked({ 'cdn-cache-control': value, ...more });
const PAST = dateIn(-3600);
const FUTURE = dateIn(3600);

/** `CDN-Cache-Control`, the field aimed at caches like this one. */
export const targeted = [
  may('RFC 9213 §2.2', 'max-age of the targeted field makes an answer fresh', cdn('max-age=60'), wait('59s'), reused()),
  must('RFC 9213 §2.2', 'what is past it is not reused', cdn('max-age=60'), wait('61s'), asked()),
  must('RFC 9213 §2.2', 'max-age=0 of the targeted field is never fresh', cdn('max-age=0'), asked()),
  must('RFC 9213 §2.2', 'Age counts against it', cdn('max-age=3600', { age: '7200' }), asked()),
  may('RFC 9213 §2.2', 'a long one', cdn('max-age=2147483648'), wait('10m'), reused()),
  may('RFC 9213 §2.2', 'a very long one', cdn('max-age=99999999999'), wait('10m'), reused()),
  may('RFC 9213 §2.1', 'unknown directives beside it mean nothing', cdn('colour=green, max-age=60, fast'), reused()),
  may('RFC 9213 §2.2', 'it counts before a past Expires', cdn('max-age=60', { expires: PAST }), reused()),
  may('RFC 9213 §2.2', 'it counts before an Expires that is none', cdn('max-age=60', { expires: '0' }), reused()),
  must('RFC 9213 §2.2', 'max-age=0 counts before a future Expires', cdn('max-age=0', { expires: FUTURE }), asked()),
  may(
    'RFC 9213 §2.2',
    'a longer one counts before Cache-Control',
    cdn('max-age=600', { 'cache-control': 'max-age=10' }),
    wait('11s'),
    reused(),
  ),
  must(
    'RFC 9213 §2.2',
    'a shorter one counts before Cache-Control',
    cdn('max-age=10', { 'cache-control': 'max-age=600' }),
    wait('11s'),
    asked(),
  ),
  must(
    'RFC 9213 §2.2',
    'private counts before Cache-Control and Expires',
    cdn('private', { 'cache-control': 'max-age=600', expires: FUTURE }),
    asked(),
  ),
  must(
    'RFC 9213 §2.2',
    'no-cache counts before Cache-Control and Expires',
    cdn('no-cache', { 'cache-control': 'max-age=600', expires: FUTURE }),
    asked(),
  ),
  must(
    'RFC 9213 §2.2',
    'no-store counts before Cache-Control and Expires',
    cdn('no-store', { 'cache-control': 'max-age=600', expires: FUTURE }),
    asked(),
  ),
  must(
    'RFC 9213 §2.2',
    'it lets be stored what Cache-Control would not',
    cdn('max-age=600', { 'cache-control': 'no-store' }),
    reused(),
  ),
  must(
    'RFC 9213 §2.1',
    'an unsound structured field is ignored: unknown type',
    cdn('max-age=600, =!', { 'cache-control': 'no-store' }),
    asked(),
  ),
  must(
    'RFC 9213 §2.1',
    'an unsound structured field is ignored: a wrong type of max-age',
    cdn('max-age="600"', { 'cache-control': 'no-store' }),
    asked(),
  ),
  must(
    'RFC 9213 §2.1',
    'an unsound structured field is ignored: a fraction of a second',
    cdn('max-age=600.5', { 'cache-control': 'no-store' }),
    asked(),
  ),
  must(
    'RFC 9213 §2.1',
    'an ignored one leaves the word to Cache-Control',
    cdn('max-age=', { 'cache-control': 'max-age=60' }),
    wait('59s'),
    reused(),
  ),
  must('RFC 9213 §2.2', 'an empty one leaves the word to Cache-Control', cdn('', { 'cache-control': 'max-age=60' }), reused()),
  must('RFC 9213 §2.1', 'of a key given twice the last counts', cdn('max-age=600, max-age=10'), wait('11s'), asked()),
  must(
    'RFC 9213 §3.1',
    'it is kept for caches further on',
    cdn('max-age=600'),
    reused({ fields: { 'cdn-cache-control': 'max-age=600' } }),
  ),
];
