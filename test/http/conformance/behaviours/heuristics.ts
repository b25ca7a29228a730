import { asked, dateIn, may, must, notInSafe, reused, wait } from '../behaviour.ts';

const OLD = { 'last-modified': dateIn(-10 * 86_400) };

/** Statuses whose answers may be fresh by guess, and statuses whose may not (RFC 9110 §15.1). */
const GUESSED = [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501];
const NOT_GUESSED = [201, 202, 302, 303, 307, 400, 401, 403, 429, 500, 502, 503, 504, 599];

/** Freshness where nobody stated it. */
export const heuristics = [
  ...notInSafe(
    'nothing is fresh by guess',
    ...GUESSED.map((status) =>
      may(
        'RFC 9110 §15.1',
        `${status} with Last-Modified is fresh by guess`,
        asked({ status, fields: OLD }),
        wait('1m'),
        reused({ status }),
      ),
    ),
    may(
      'RFC 9111 §4.2.2',
      'public makes an unknown status fresh by guess',
      asked({ status: 599, fields: { ...OLD, 'cache-control': 'public' } }),
      reused({ status: 599 }),
    ),
  ),
  ...NOT_GUESSED.map((status) =>
    must('RFC 9110 §15.1', `${status} with Last-Modified is not fresh by guess`, asked({ status, fields: OLD }), asked()),
  ),
  must(
    'RFC 9111 §4.2.2',
    'a guess is a fraction of the time since the last change',
    asked({ 'last-modified': dateIn(-100) }),
    wait('1m'),
    asked(),
  ),
  must(
    'RFC 9111 §4.2.2',
    'no guess where the origin stated a time',
    asked({ ...OLD, 'cache-control': 'max-age=10' }),
    wait('11s'),
    asked(),
  ),
  must('RFC 9111 §4.2.2', 'no guess without Last-Modified', asked({ etag: '"v1"' }), asked()),
];

/** Statuses that are stored when freshness is stated, known or not. */
const STATUSES = [200, 203, 204, 299, 301, 302, 303, 307, 308, 400, 404, 410, 499, 500, 502, 503, 504, 599];

export const statuses = STATUSES.flatMap((status) => [
  may(
    'RFC 9111 §3',
    `${status} with max-age is reused`,
    asked({ status, fields: { 'cache-control': 'max-age=60' } }),
    wait('59s'),
    reused({ status }),
  ),
  must(
    'RFC 9111 §4.2',
    `${status} past its max-age is not reused`,
    asked({ status, fields: { 'cache-control': 'max-age=60' } }),
    wait('61s'),
    asked(),
  ),
]);
