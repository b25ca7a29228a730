import { asked, dateIn, failed, may, must, reused, validated, wait } from '../behaviour.ts';

const TAG = { etag: '"v1"' };
const DAY_AGO = dateIn(-86_400);
const noCache = (more = {}) => ({ 'cache-control': 'no-cache, max-age=3600', ...more });

/** Directives that ask for the origin's word before an answer is used. */
export const revalidating = [
  must(
    'RFC 9111 §5.2.2.4',
    'no-cache answers are not used without validation, fresh or not',
    asked(noCache({ expires: dateIn(3600) })),
    asked(),
  ),
  must('RFC 9111 §5.2.2.4', 'no-cache has no case', asked({ 'cache-control': 'No-Cache, max-age=3600' }), asked()),
  may(
    'RFC 9111 §5.2.2.4',
    'no-cache answers are kept and validated',
    asked({ 'cache-control': 'no-cache', ...TAG }),
    validated({}, { 'if-none-match': '"v1"' }, { status: 200 }),
  ),
  may(
    'RFC 9111 §5.2.2.4',
    'no-cache answers are kept and validated, each time',
    asked(noCache(TAG)),
    validated({}, { 'if-none-match': '"v1"' }),
    validated({}, { 'if-none-match': '"v1"' }),
  ),
  must('RFC 9111 §4.2.4', 'no-cache answers are not used while the origin is away', asked(noCache(TAG)), failed()),
  may(
    'RFC 9111 §5.2.2.2',
    'must-revalidate answers are used while fresh',
    asked({ 'cache-control': 'max-age=60, must-revalidate' }),
    wait('59s'),
    reused(),
  ),
  must(
    'RFC 9111 §5.2.2.2',
    'must-revalidate answers are validated once stale',
    asked({ 'cache-control': 'max-age=60, must-revalidate', ...TAG }),
    wait('61s'),
    validated({}, { 'if-none-match': '"v1"' }),
  ),
  must(
    'RFC 9111 §5.2.2.2',
    'must-revalidate answers are not used stale while the origin is away',
    asked({ 'cache-control': 'max-age=60, must-revalidate' }),
    wait('61s'),
    failed(),
  ),
  must(
    'RFC 9111 §5.2.2.8',
    'proxy-revalidate answers are not used stale while the origin is away',
    asked({ 'cache-control': 'max-age=60, proxy-revalidate' }),
    wait('61s'),
    failed(),
  ),
  must(
    'RFC 9111 §5.2.2.10',
    's-maxage answers are not used stale while the origin is away',
    asked({ 'cache-control': 's-maxage=60' }),
    wait('61s'),
    failed(),
  ),
  must(
    'RFC 9111 §5.2.2.2',
    'must-revalidate rules out stale-while-revalidate',
    asked({ 'cache-control': 'max-age=60, must-revalidate, stale-while-revalidate=600' }),
    wait('61s'),
    asked(),
  ),
  may(
    'RFC 9111 §4.3.1',
    'a stale answer with an entity tag is validated by it',
    asked({ 'cache-control': 'max-age=60', ...TAG }),
    wait('61s'),
    validated({ 'cache-control': 'max-age=60' }, { 'if-none-match': '"v1"' }, { status: 200 }),
    reused(),
  ),
  may(
    'RFC 9111 §4.3.1',
    'a stale answer with a weak entity tag is validated by it',
    asked({ 'cache-control': 'max-age=60', etag: 'W/"v1"' }),
    wait('61s'),
    validated({ 'cache-control': 'max-age=60' }, { 'if-none-match': 'W/"v1"' }),
    reused(),
  ),
  may(
    'RFC 9111 §4.3.1',
    'a stale answer with Last-Modified is validated by it',
    asked({ 'cache-control': 'max-age=60', 'last-modified': 'Thu, 01 Dec 1994 16:00:00 GMT' }),
    wait('61s'),
    validated({ 'cache-control': 'max-age=60' }, { 'if-modified-since': 'Thu, 01 Dec 1994 16:00:00 GMT' }),
    reused(),
  ),
  must(
    'RFC 9111 §4.3.1',
    'an answer without validator is asked for whole',
    asked({ 'cache-control': 'max-age=60' }),
    wait('61s'),
    asked({}, { sees: { 'if-none-match': undefined, 'if-modified-since': undefined } }),
  ),
  must(
    'RFC 9111 §4.3.3',
    'a whole answer to a validation replaces the stored one',
    asked({ 'cache-control': 'max-age=60', ...TAG }),
    wait('61s'),
    asked({ 'cache-control': 'max-age=60', etag: '"v2"' }),
    reused({ fields: { etag: '"v2"' } }),
  ),
  must(
    'RFC 9111 §4.3.1',
    'a validation carries the fields that Vary names',
    asked({ 'cache-control': 'max-age=60', vary: 'x-colour', ...TAG }, { ask: { fields: { 'x-colour': 'red' } } }),
    wait('61s'),
    validated(
      { 'cache-control': 'max-age=60', vary: 'x-colour' },
      { 'if-none-match': '"v1"', 'x-colour': 'red' },
      {},
      { fields: { 'x-colour': 'red' } },
    ),
  ),
  must(
    'RFC 9111 §4.3.3',
    'a failed validation does not go out as the stored answer where that is forbidden',
    asked(noCache({ 'last-modified': DAY_AGO })),
    asked({ status: 500, body: 'broken' }, { got: { status: 500 } }),
  ),
];
