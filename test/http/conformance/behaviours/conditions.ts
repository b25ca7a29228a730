import { type Ask, asked, dateIn, may, must, reused, validated, wait } from '../behaviour.ts';

const MODIFIED = 'Thu, 01 Dec 1994 16:00:00 GMT';
const LATER = 'Fri, 02 Dec 1994 16:00:00 GMT';
const EARLIER = 'Wed, 30 Nov 1994 16:00:00 GMT';
const dated = { 'cache-control': 'max-age=60', 'last-modified': MODIFIED };
const tagged = (etag: string, more = {}) => ({ 'cache-control': 'max-age=60', etag, ...more });
const since = (date: string): Ask => ({ fields: { 'if-modified-since': date } });
const noneOf = (tags: string | string[], more = {}): Ask => ({ fields: { 'if-none-match': tags, ...more } });
const UNCHANGED = { status: 304, body: '' };

/** Conditions of clients, answered from the store. */
export const conditions = [
  may('RFC 9110 §13.1.3', 'If-Modified-Since of the very Last-Modified: 304', asked(dated), reused(UNCHANGED, since(MODIFIED))),
  may('RFC 9110 §13.1.3', 'If-Modified-Since after Last-Modified: 304', asked(dated), reused(UNCHANGED, since(LATER))),
  must(
    'RFC 9110 §13.1.3',
    'If-Modified-Since before Last-Modified: the answer',
    asked(dated),
    reused({ status: 200 }, since(EARLIER)),
  ),
  must(
    'RFC 9110 §13.1.3',
    'If-Modified-Since that is no date means nothing',
    asked(dated),
    reused({ status: 200 }, since('yesterday')),
  ),
  may(
    'RFC 9110 §13.1.3',
    'If-Modified-Since in the form of RFC 850: 304',
    asked(dated),
    reused(UNCHANGED, since('Thursday, 01-Dec-94 16:00:00 GMT')),
  ),
  may(
    'RFC 9111 §4.3.2',
    'If-Modified-Since after the Date of an answer without Last-Modified: 304',
    asked(tagged('"v1"')),
    reused(UNCHANGED, { fields: { 'if-modified-since': new Date(4e12).toUTCString() } }),
  ),
  must(
    'RFC 9111 §4.3.2',
    'If-Modified-Since before the Date of an answer without Last-Modified: the answer',
    asked(tagged('"v1"')),
    reused({ status: 200 }, since(LATER)),
  ),
  may(
    'RFC 9111 §4.3.2',
    'If-Modified-Since for a stale answer: 304 after its validation',
    asked(dated),
    wait('61s'),
    validated(dated, { 'if-modified-since': MODIFIED }, UNCHANGED, since(MODIFIED)),
  ),
  may('RFC 9110 §13.1.2', 'If-None-Match of the entity tag: 304', asked(tagged('"v1"')), reused(UNCHANGED, noneOf('"v1"'))),
  may(
    'RFC 9110 §13.1.2',
    'If-None-Match compares weakly: a weak tag stored',
    asked(tagged('W/"v1"')),
    reused(UNCHANGED, noneOf('W/"v1"')),
  ),
  may(
    'RFC 9110 §13.1.2',
    'If-None-Match compares weakly: weak against strong',
    asked(tagged('"v1"')),
    reused(UNCHANGED, noneOf('W/"v1"')),
  ),
  must(
    'RFC 9110 §13.1.2',
    'If-None-Match of another tag: the answer',
    asked(tagged('"v1"')),
    reused({ status: 200 }, noneOf('"v2"')),
  ),
  must('RFC 9110 §8.8.3', 'entity tags have case', asked(tagged('"v1"')), reused({ status: 200 }, noneOf('"V1"'))),
  may(
    'RFC 9110 §13.1.2',
    'If-None-Match of several tags, ours first',
    asked(tagged('"v1"')),
    reused(UNCHANGED, noneOf('"v1", "v2", "v3"')),
  ),
  may(
    'RFC 9110 §13.1.2',
    'If-None-Match of several tags, ours in the middle',
    asked(tagged('"v1"')),
    reused(UNCHANGED, noneOf('"v2", "v1", "v3"')),
  ),
  may(
    'RFC 9110 §13.1.2',
    'If-None-Match of several tags, ours last',
    asked(tagged('"v1"')),
    reused(UNCHANGED, noneOf('"v2", "v3", "v1"')),
  ),
  may('RFC 9110 §13.1.2', 'If-None-Match on several lines', asked(tagged('"v1"')), reused(UNCHANGED, noneOf(['"v2"', '"v1"']))),
  may('RFC 9110 §13.1.2', 'If-None-Match of *: 304', asked(tagged('"v1"')), reused(UNCHANGED, noneOf('*'))),
  may(
    'RFC 9110 §8.8.3',
    'a comma within an entity tag is part of it',
    asked(tagged('"a,b"')),
    reused(UNCHANGED, noneOf('"x", "a,b"')),
  ),
  must(
    'RFC 9110 §13.2.2',
    'If-None-Match that fails counts before If-Modified-Since that holds',
    asked(tagged('"v1"', { 'last-modified': MODIFIED })),
    reused({ status: 200 }, noneOf('"v2"', { 'if-modified-since': MODIFIED })),
  ),
  must(
    'RFC 9110 §13.2.2',
    'If-None-Match that holds counts before If-Modified-Since that fails',
    asked(tagged('"v1"', { 'last-modified': MODIFIED })),
    reused(UNCHANGED, noneOf('"v1"', { 'if-modified-since': EARLIER })),
  ),
  must(
    'RFC 9110 §15.4.5',
    'a 304 carries the entity tag',
    asked(tagged('"v1"')),
    reused({ status: 304, body: '', fields: { etag: '"v1"' } }, noneOf('"v1"')),
  ),
  must(
    'RFC 9110 §15.4.5',
    'a 304 carries Cache-Control, Content-Location, Date, Expires and Vary',
    asked(tagged('"v1"', { 'content-location': '/here', expires: dateIn(60), vary: 'x-colour' })),
    reused(
      {
        status: 304,
        body: '',
        fields: { 'cache-control': 'max-age=60', 'content-location': '/here', date: / GMT$/, expires: / GMT$/, vary: 'x-colour' },
      },
      noneOf('"v1"'),
    ),
  ),
  must(
    'RFC 9110 §15.4.5',
    'a 304 does not describe a body',
    asked(tagged('"v1"', { 'content-type': 'text/plain' })),
    reused({ status: 304, body: '', fields: { 'content-type': undefined, 'content-length': undefined } }, noneOf('"v1"')),
  ),
  must(
    'RFC 9110 §13.1.2',
    'conditions on an answer that is not stored are for the origin',
    asked({ status: 304, fields: { etag: '"v1"' }, body: '' }, { ask: noneOf('"v1"'), got: { status: 304, body: '' } }),
  ),
  must(
    'RFC 9110 §13.1.1',
    'If-Match is for the origin to judge',
    asked(tagged('"v1"')),
    asked({ status: 412 }, { ask: { fields: { 'if-match': '"v2"' } }, sees: { 'if-match': '"v2"' }, got: { status: 412 } }),
  ),
  must(
    'RFC 9110 §13.1.4',
    'If-Unmodified-Since is for the origin to judge',
    asked(dated),
    asked(
      { status: 412 },
      { ask: { fields: { 'if-unmodified-since': EARLIER } }, sees: { 'if-unmodified-since': EARLIER }, got: { status: 412 } },
    ),
  ),
  must(
    'RFC 9110 §13.2.1',
    'conditions do not turn a stored error into 304',
    asked({ status: 404, fields: tagged('"v1"') }),
    reused({ status: 404 }, noneOf('"v1"')),
  ),
];
