import { asked, must, notInSafe, reused, validated, wait } from '../behaviour.ts';

const CONTROL = { 'cache-control': 'max-age=60' };
const TAG = { etag: '"v1"' };
const sees = { 'if-none-match': '"v1"' };

/** Stored, answered 304 a minute later with other fields, and used again. */
const updates = (first: Record<string, string>, news: Record<string, string>, then: Record<string, string | undefined>) =>
  [
    asked({ ...CONTROL, ...TAG, ...first }),
    wait('61s'),
    validated({ ...CONTROL, ...TAG, ...news }, sees, { status: 200, fields: then }),
    reused({ status: 200, fields: then }),
  ] as const;

const CHANGED: Readonly<Record<string, readonly [before: string, after: string]>> = {
  'Unheard-Of': ['before', 'after'],
  'X-Unheard-Of': ['before', 'after'],
  'Content-Unheard-Of': ['before', 'after'],
  'Content-Language': ['en', 'de'],
  'Content-Location': ['/before', '/after'],
  'Content-MD5': ['AAAAAAAAAAAAAAAAAAAAAA==', 'BBBBBBBBBBBBBBBBBBBBBB=='],
  'Content-Security-Policy': ["default-src 'self'", "default-src 'none'"],
  'Content-Type': ['text/x-before', 'text/x-after'],
  'Clear-Site-Data': ['"cache"', '"cookies"'],
  'Last-Modified': ['Thu, 01 Dec 1994 16:00:00 GMT', 'Fri, 02 Dec 1994 16:00:00 GMT'],
  'Strict-Transport-Security': ['max-age=60', 'max-age=120'],
  'X-Frame-Options': ['deny', 'sameorigin'],
  'X-XSS-Protection': ['0', '1'],
};

/** What a 304, or a HEAD, changes of a stored answer. */
export const updating = [
  must('RFC 9111 §3.2', 'fields a 304 does not name stay', ...updates({ 'x-kept': 'kept' }, {}, { 'x-kept': 'kept' })),
  must('RFC 9111 §3.2', 'fields only a 304 names are added', ...updates({}, { 'x-new': 'new' }, { 'x-new': 'new' })),
  ...Object.entries(CHANGED).map(([name, [before, after]]) =>
    must(
      'RFC 9111 §3.2',
      `${name} is what the last 304 said`,
      ...updates({ [name]: before }, { [name]: after }, { [name.toLowerCase()]: after }),
    ),
  ),
  must(
    'RFC 9111 §3.2',
    'a field of several lines is replaced as a whole',
    asked({ ...CONTROL, ...TAG, 'x-list': ['a', 'b'] }),
    wait('61s'),
    validated({ ...CONTROL, ...TAG, 'x-list': 'c' }, sees),
    reused({ fields: { 'x-list': 'c' } }),
  ),
  ...notInSafe(
    'answers that set cookies are never shared',
    must(
      'RFC 9111 §3.2',
      'Set-Cookie is what the last 304 said',
      ...updates({ 'set-cookie': 'a=b' }, { 'set-cookie': 'a=c' }, { 'set-cookie': 'a=c' }),
    ),
  ),
  must(
    'RFC 9111 §3.2',
    'Content-Length stays that of the stored body',
    asked({ ...CONTROL, ...TAG }),
    wait('61s'),
    validated({ ...CONTROL, ...TAG, 'content-length': '36' }, sees, { fields: { 'content-length': '8' } }),
    reused({ fields: { 'content-length': '8' } }),
  ),
  must(
    'RFC 9111 §3.2',
    'Content-Encoding stays that of the stored body',
    ...updates({ 'content-encoding': 'unheard-of' }, { 'content-encoding': 'other' }, { 'content-encoding': 'unheard-of' }),
  ),
  must(
    'RFC 9111 §3.2',
    'Cache-Control of a 304 counts from then on',
    asked({ ...CONTROL, ...TAG }),
    wait('61s'),
    validated({ 'cache-control': 'max-age=600', ...TAG }, sees),
    wait('9m'),
    reused({ fields: { 'cache-control': 'max-age=600' } }),
  ),
  must(
    'RFC 9111 §4.3.4',
    'Date and Age are those of the 304',
    asked({ ...CONTROL, ...TAG }),
    wait('61s'),
    validated({ ...CONTROL, ...TAG }, sees, { fields: { age: '0' } }),
    wait('5s'),
    reused({ fields: { age: '5' } }),
  ),
  must(
    'RFC 9111 §4.3.4',
    'a 304 that forbids storing ends the reuse',
    asked({ ...CONTROL, ...TAG }),
    wait('61s'),
    validated({ 'cache-control': 'no-store', ...TAG }, sees, { status: 200 }),
    asked(),
  ),
  must(
    'RFC 9111 §4.3.5',
    'a HEAD that tells of another length makes the stored answer stale',
    asked({ ...CONTROL, ...TAG, 'content-length': '8' }),
    wait('61s'),
    asked({ ...CONTROL, 'content-length': '99' }, { ask: { method: 'HEAD' }, got: { body: '' } }),
    asked(),
  ),
  must(
    'RFC 9111 §4.3.5',
    'a HEAD that tells of another entity tag makes the stored answer stale',
    asked({ ...CONTROL, ...TAG }),
    wait('61s'),
    asked({ ...CONTROL, etag: '"v2"' }, { ask: { method: 'HEAD' }, got: { body: '' } }),
    asked(),
  ),
];
