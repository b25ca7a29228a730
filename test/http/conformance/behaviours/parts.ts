import { type Ask, asked, may, must, reused, validated, wait } from '../behaviour.ts';

const HOUR = { 'cache-control': 'max-age=3600' };
const DIGITS = '0123456789';
const range = (value: string, more = {}): Ask => ({ fields: { range: value, ...more } });
const whole = asked({ fields: { ...HOUR, etag: '"v1"' }, body: DIGITS });
const part = (first: number, last: number, more = {}) => ({
  status: 206,
  fields: { ...HOUR, 'content-range': `bytes ${first}-${last}/10`, ...more },
  body: DIGITS.slice(first, last + 1),
});
const got = (first: number, last: number) => ({
  status: 206,
  body: DIGITS.slice(first, last + 1),
  fields: { 'content-range': `bytes ${first}-${last}/10`, 'content-length': String(last - first + 1) },
});
const strong = { etag: '"v1"' };

/** Ranges, of what is stored whole and of what is stored in parts. */
export const parts = [
  may('RFC 9110 §14.2', 'a range of a stored answer', whole, reused(got(2, 5), range('bytes=2-5'))),
  may('RFC 9110 §14.2', 'a range without end', whole, reused(got(6, 9), range('bytes=6-'))),
  may('RFC 9110 §14.2', 'the last bytes', whole, reused(got(7, 9), range('bytes=-3'))),
  may('RFC 9110 §14.1.2', 'a range that ends beyond the answer ends with it', whole, reused(got(8, 9), range('bytes=8-99'))),
  may('RFC 9110 §14.1.2', 'more last bytes than there are: all', whole, reused(got(0, 9), range('bytes=-99'))),
  must(
    'RFC 9110 §15.5.17',
    'a range beyond the answer is not satisfiable',
    whole,
    reused({ status: 416, body: '', fields: { 'content-range': 'bytes */10' } }, range('bytes=10-')),
  ),
  must('RFC 9110 §14.2', 'another unit is ignored', whole, reused({ status: 200 }, range('lines=1-2'))),
  must('RFC 9110 §14.1.1', 'a range that ends before it begins is ignored', whole, reused({ status: 200 }, range('bytes=5-2'))),
  must(
    'RFC 9110 §14.2',
    'Range means nothing for HEAD',
    whole,
    reused({ status: 200, body: '', fields: { 'content-length': '10' } }, { method: 'HEAD', fields: { range: 'bytes=2-5' } }),
  ),
  must(
    'RFC 9110 §13.1.5',
    'If-Range of the entity tag lets the range stand',
    whole,
    reused(got(2, 5), range('bytes=2-5', { 'if-range': '"v1"' })),
  ),
  must(
    'RFC 9110 §13.1.5',
    'If-Range of another entity tag: the whole',
    whole,
    reused({ status: 200 }, range('bytes=2-5', { 'if-range': '"v2"' })),
  ),
  must(
    'RFC 9110 §13.1.5',
    'If-Range compares strongly',
    asked({ fields: { ...HOUR, etag: 'W/"v1"' }, body: DIGITS }),
    reused({ status: 200 }, range('bytes=2-5', { 'if-range': 'W/"v1"' })),
  ),
  must(
    'RFC 9110 §13.2.2',
    'If-None-Match is judged before Range',
    whole,
    reused({ status: 304, body: '' }, range('bytes=2-5', { 'if-none-match': '"v1"' })),
  ),
  must(
    'RFC 9111 §3.3',
    'a part is not used as the whole',
    asked(part(0, 4), { ask: range('bytes=0-4') }),
    asked({ fields: HOUR, body: DIGITS }),
  ),
  may(
    'RFC 9111 §3.3',
    'a stored part answers the same range',
    asked(part(0, 4), { ask: range('bytes=0-4') }),
    reused(got(0, 4), range('bytes=0-4')),
  ),
  may(
    'RFC 9111 §3.3',
    'a stored part answers a range within it',
    asked(part(0, 6), { ask: range('bytes=0-6') }),
    reused(got(2, 4), range('bytes=2-4')),
  ),
  may(
    'RFC 9111 §3.3',
    'a stored part answers a range without end within it',
    asked(part(5, 9), { ask: range('bytes=5-') }),
    reused(got(7, 9), range('bytes=7-')),
  ),
  may(
    'RFC 9111 §3.3',
    'a stored part answers last bytes within it',
    asked(part(4, 9), { ask: range('bytes=-6') }),
    reused(got(8, 9), range('bytes=-2')),
  ),
  must(
    'RFC 9111 §3.3',
    'a stored part does not answer a range beyond it',
    asked(part(0, 4), { ask: range('bytes=0-4') }),
    asked(part(5, 9), { ask: range('bytes=5-9'), got: { status: 206, body: '56789' } }),
  ),
  may(
    'RFC 9111 §3.4',
    'parts under one strong validator are joined to the whole',
    asked(part(0, 4, strong), { ask: range('bytes=0-4') }),
    asked(part(5, 9, strong), { ask: range('bytes=5-9') }),
    reused({ status: 200, body: DIGITS, fields: { 'content-length': '10', 'content-range': undefined, etag: '"v1"' } }),
  ),
  may(
    'RFC 9111 §3.4',
    'parts that overlap are joined',
    asked(part(3, 9, strong), { ask: range('bytes=3-') }),
    asked(part(0, 5, strong), { ask: range('bytes=0-5') }),
    reused({ status: 200, body: DIGITS }),
  ),
  may(
    'RFC 9111 §3.4',
    'adjacent parts are joined to a longer part',
    asked(part(0, 2, strong), { ask: range('bytes=0-2') }),
    asked(part(3, 6, strong), { ask: range('bytes=3-6') }),
    reused(got(1, 5), range('bytes=1-5')),
  ),
  must(
    'RFC 9111 §3.4',
    'parts without a strong validator are not joined',
    asked(part(0, 4, { etag: 'W/"v1"' }), { ask: range('bytes=0-4') }),
    asked(part(5, 9, { etag: 'W/"v1"' }), { ask: range('bytes=5-9') }),
    asked({ fields: HOUR, body: DIGITS }),
  ),
  must(
    'RFC 9111 §3.4',
    'parts under different validators are not joined',
    asked(part(0, 4, strong), { ask: range('bytes=0-4') }),
    asked(part(5, 9, { etag: '"v2"' }), { ask: range('bytes=5-9') }),
    asked({ fields: HOUR, body: DIGITS }),
  ),
  must(
    'RFC 9111 §3.4',
    'parts with a gap between them are not joined',
    asked(part(0, 2, strong), { ask: range('bytes=0-2') }),
    asked(part(6, 9, strong), { ask: range('bytes=6-9') }),
    asked({ fields: HOUR, body: DIGITS }),
  ),
  must(
    'RFC 9111 §3.4',
    'joined parts have the fields of the newer one',
    asked(part(0, 4, { ...strong, 'x-news': 'old' }), { ask: range('bytes=0-4') }),
    asked(part(5, 9, { ...strong, 'x-news': 'new' }), { ask: range('bytes=5-9') }),
    reused({ status: 200, body: DIGITS, fields: { 'x-news': 'new' } }),
  ),
  must(
    'RFC 9111 §3.4',
    'joined parts keep what only the older one said',
    asked(part(0, 4, { ...strong, 'x-old': 'kept' }), { ask: range('bytes=0-4') }),
    asked(part(5, 9, strong), { ask: range('bytes=5-9') }),
    reused({ status: 200, body: DIGITS, fields: { 'x-old': 'kept' } }),
  ),
  must(
    'RFC 9111 §4.2',
    'a stale part is not used',
    asked(part(0, 4, { 'cache-control': 'max-age=60' }), { ask: range('bytes=0-4') }),
    wait('61s'),
    asked(part(0, 4), { ask: range('bytes=0-4') }),
  ),
  must(
    'RFC 9110 §14.2',
    'a range of what is stale: validated first',
    asked({ fields: { 'cache-control': 'max-age=60', ...strong }, body: DIGITS }),
    wait('61s'),
    validated({ 'cache-control': 'max-age=60', ...strong }, { 'if-none-match': '"v1"' }, got(2, 5), range('bytes=2-5')),
  ),
];
