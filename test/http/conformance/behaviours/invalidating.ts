import { type Ask, asked, may, must, reused } from '../behaviour.ts';

const HOUR = { 'cache-control': 'max-age=3600' };
const UNSAFE = ['POST', 'PUT', 'DELETE', 'PATCH', 'PROPPATCH'];
const by = (method: string, more: Ask = {}): Ask => ({ method, ...more });
const redirect = (status: number, fields: Record<string, string>) => ({ status, fields });

/** Methods that change something at the origin make what is stored of it invalid. */
export const invalidating = [
  ...UNSAFE.flatMap((method) => [
    must('RFC 9111 §4.4', `a successful ${method} invalidates its URL`, asked(HOUR), asked({}, { ask: by(method) }), asked()),
    may(
      'RFC 9111 §4.4',
      `a failed ${method} does not`,
      asked({ fields: HOUR, body: 'good' }),
      asked({ status: 500, body: 'bad' }, { ask: by(method) }),
      reused({ body: 'good' }),
    ),
  ]),
  must(
    'RFC 9111 §4.4',
    'a redirecting answer to POST invalidates its URL',
    asked(HOUR),
    asked(redirect(303, { location: 'http://other.test/' }), { ask: by('POST'), got: { status: 303 } }),
    asked(),
  ),
  may(
    'RFC 9111 §4.4',
    'a safe method invalidates nothing',
    asked({ fields: HOUR, body: 'good' }),
    asked({ body: 'options' }, { ask: by('OPTIONS') }),
    reused({ body: 'good' }),
  ),
  must(
    'RFC 9111 §4.4',
    'every query is a URL of its own',
    asked({ fields: HOUR, body: 'one' }, { ask: { at: '?1' } }),
    asked({}, { ask: by('POST', { at: '?2' }) }),
    reused({ body: 'one' }, { at: '?1' }),
  ),
  may(
    'RFC 9111 §4.4',
    'the URL in Location goes too, where it is of the same origin',
    asked(HOUR, { ask: { at: '/new' } }),
    asked({ status: 201, fields: { location: 'new' } }, { ask: by('POST', { at: '/list' }), got: { status: 201 } }),
    asked({}, { ask: { at: '/new' } }),
  ),
  may(
    'RFC 9111 §4.4',
    'the URL in Content-Location goes too, where it is of the same origin',
    asked(HOUR, { ask: { at: '/new' } }),
    asked({ fields: { 'content-location': 'new' } }, { ask: by('POST', { at: '/list' }) }),
    asked({}, { ask: { at: '/new' } }),
  ),
  must(
    'RFC 9111 §4.4',
    'another origin’s URL in Location stays',
    asked({ fields: HOUR, body: 'kept' }, { ask: { at: '/new', host: 'other.test' } }),
    asked({ status: 201, fields: { location: 'http://other.test/new' } }, { ask: by('POST', { at: '/list' }) }),
    reused({ body: 'kept' }, { at: '/new', host: 'other.test' }),
  ),
  must(
    'RFC 9111 §4.4',
    'all variants of the URL go',
    asked({ ...HOUR, vary: 'x-colour' }, { ask: { fields: { 'x-colour': 'red' } } }),
    asked({ ...HOUR, vary: 'x-colour' }, { ask: { fields: { 'x-colour': 'blue' } } }),
    asked({}, { ask: by('POST') }),
    asked({ ...HOUR, vary: 'x-colour' }, { ask: { fields: { 'x-colour': 'red' } } }),
    asked({ ...HOUR, vary: 'x-colour' }, { ask: { fields: { 'x-colour': 'blue' } } }),
  ),
  must(
    'RFC 9875 §2.2.1',
    'Cache-Group-Invalidation drops the pages of the group',
    asked({ ...HOUR, 'cache-groups': '"plans"' }, { ask: { at: '/a' } }),
    asked({ 'cache-group-invalidation': '"plans"' }, { ask: by('POST', { at: '/b' }) }),
    asked({}, { ask: { at: '/a' } }),
  ),
  must(
    'RFC 9875 §2.2.1',
    'pages of other groups stay',
    asked({ fields: { ...HOUR, 'cache-groups': '"cities"' }, body: 'kept' }, { ask: { at: '/a' } }),
    asked({ 'cache-group-invalidation': '"plans"' }, { ask: by('POST', { at: '/b' }) }),
    reused({ body: 'kept' }, { at: '/a' }),
  ),
  must(
    'RFC 9875 §2.2.1',
    'groups have case',
    asked({ fields: { ...HOUR, 'cache-groups': '"Plans"' }, body: 'kept' }, { ask: { at: '/a' } }),
    asked({ 'cache-group-invalidation': '"plans"' }, { ask: by('POST', { at: '/b' }) }),
    reused({ body: 'kept' }, { at: '/a' }),
  ),
  must(
    'RFC 9875 §2.2.1',
    'a group belongs to its origin',
    asked({ fields: { ...HOUR, 'cache-groups': '"plans"' }, body: 'kept' }, { ask: { at: '/a', host: 'other.test' } }),
    asked({ 'cache-group-invalidation': '"plans"' }, { ask: by('POST', { at: '/b' }) }),
    reused({ body: 'kept' }, { at: '/a', host: 'other.test' }),
  ),
  must(
    'RFC 9875 §3',
    'Cache-Group-Invalidation in an answer to a safe method means nothing',
    asked({ fields: { ...HOUR, 'cache-groups': '"plans"' }, body: 'kept' }, { ask: { at: '/a' } }),
    asked({ 'cache-group-invalidation': '"plans"' }, { ask: { at: '/b' } }),
    reused({ body: 'kept' }, { at: '/a' }),
  ),
];
