import { asked, dateIn, may, must, notInSafe, reused, wait } from '../behaviour.ts';

const HOUR = { 'cache-control': 'max-age=3600' };
const FUTURE = dateIn(3600);
const credentials = { fields: { authorization: 'Basic dXNlcjpwYXNz' } };

/** Connection-level fields: of one connection, never part of an answer kept for others. */
const HOP_BY_HOP = [
  'Connection',
  'Keep-Alive',
  'Proxy-Authenticate',
  'Proxy-Authentication-Info',
  'Proxy-Authorization',
  'Proxy-Connection',
  'TE',
  'Upgrade',
];
const VALUES: Readonly<Record<string, string>> = { Connection: 'x-of-hop', TE: 'trailers', Upgrade: 'websocket' };

/** Fields a stored answer keeps, with a value for each. */
const END_TO_END: Readonly<Record<string, string>> = {
  'Unheard-Of': 'some value',
  'X-Unheard-Of': 'some value',
  'Content-Unheard-Of': 'some value',
  'Accept-Ranges': 'none',
  'Cache-Control': 'max-age=3600',
  'Clear-Site-Data': '"cache"',
  'Content-Disposition': 'inline',
  'Content-Encoding': 'unheard-of',
  'Content-Language': 'en',
  'Content-Location': '/elsewhere',
  'Content-MD5': 'AAAAAAAAAAAAAAAAAAAAAA==',
  'Content-Security-Policy': "default-src 'self'",
  'Content-Type': 'text/x-unheard-of',
  ETag: '"opaque"',
  Expires: 'Thu, 01 Dec 1994 16:00:00 GMT',
  'Last-Modified': 'Thu, 01 Dec 1994 16:00:00 GMT',
  Link: '</style.css>; rel=preload',
  'Permissions-Policy': 'camera=()',
  'Public-Key-Pins': 'max-age=0',
  'Referrer-Policy': 'no-referrer',
  Server: 'origin',
  'Set-Cookie2': 'a=b',
  'Strict-Transport-Security': 'max-age=60',
  'X-Frame-Options': 'deny',
  'X-XSS-Protection': '0',
};

/** What may be stored, and what of it. */
export const storing = [
  must('RFC 9111 §5.2.2.7', 'private answers are not stored', asked({ 'cache-control': 'private, max-age=3600' }), asked()),
  must('RFC 9111 §5.2.2.5', 'no-store answers are not stored', asked({ 'cache-control': 'no-store' }), asked()),
  must('RFC 9111 §5.2.2.5', 'no-store has no case', asked({ 'cache-control': 'No-STORE, max-age=3600' }), asked()),
  must(
    'RFC 9111 §5.2.2.5',
    'no-store counts before max-age and Expires',
    asked({ 'cache-control': 'max-age=3600, no-store', expires: FUTURE }),
    asked(),
  ),
  must('RFC 9111 §5.2.2.5', 'no-store on another line counts', asked({ 'cache-control': ['max-age=3600', 'no-store'] }), asked()),
  must(
    'RFC 9111 §4',
    'after an answer that is not stored the older one is not used as if fresh',
    asked({ 'cache-control': 'max-age=10' }),
    wait('11s'),
    asked({ 'cache-control': 'no-store' }),
    asked(),
  ),
  must(
    'RFC 9111 §4',
    'after an answer with no-store, max-age=0 the older one is not used as if fresh',
    asked({ 'cache-control': 'max-age=10' }),
    wait('11s'),
    asked({ 'cache-control': 'no-store, max-age=0' }),
    asked(),
  ),
  must(
    'RFC 9111 §5.2.2.7',
    'private="field" withholds that field only',
    asked({ 'cache-control': 'max-age=3600, private="x-secret"', 'x-secret': 'mine', 'x-open': 'all' }),
    reused({ fields: { 'x-secret': undefined, 'x-open': 'all' } }),
  ),
  must(
    'RFC 9111 §5.2.2.4',
    'no-cache="field" withholds that field only',
    asked({ 'cache-control': 'max-age=3600, no-cache="x-once, x-twice"', 'x-once': '1', 'x-twice': '2', 'x-open': 'all' }),
    reused({ fields: { 'x-once': undefined, 'x-twice': undefined, 'x-open': 'all' } }),
  ),
  may(
    'RFC 9111 §5.2.2.3',
    'must-understand lets an answer of a known status be stored despite no-store',
    asked({ 'cache-control': 'max-age=3600, no-store, must-understand' }),
    reused(),
  ),
  must(
    'RFC 9111 §5.2.2.3',
    'must-understand keeps an answer of an unknown status from being stored',
    asked({ status: 299, fields: { 'cache-control': 'max-age=3600, no-store, must-understand' } }),
    asked(),
  ),
  must('RFC 9111 §3.5', 'answers to requests with Authorization are not for others', asked(HOUR, { ask: credentials }), asked()),
  ...notInSafe(
    'answers to credentials are never shared',
    may(
      'RFC 9111 §3.5',
      'unless they are public',
      asked({ 'cache-control': 'max-age=3600, public' }, { ask: credentials }),
      reused(),
    ),
    may(
      'RFC 9111 §3.5',
      'unless they say must-revalidate',
      asked({ 'cache-control': 'max-age=3600, must-revalidate' }, { ask: credentials }),
      reused(),
    ),
    may('RFC 9111 §3.5', 'unless they say s-maxage', asked({ 'cache-control': 's-maxage=3600' }, { ask: credentials }), reused()),
  ),
  must(
    'RFC 9111 §4',
    'other methods are other requests: HEAD brings no body for GET',
    asked(HOUR, { ask: { method: 'HEAD' }, got: { body: '' } }),
    asked(),
  ),
  must(
    'RFC 9111 §4',
    'other methods are other requests: what OPTIONS brings is not for GET',
    asked(HOUR, { ask: { method: 'OPTIONS' } }),
    asked(),
  ),
  must(
    'RFC 9110 §9.3.1',
    'a stored answer to GET is not for POST',
    asked(HOUR),
    asked(HOUR, { ask: { method: 'POST', body: 'x' } }),
  ),
  must(
    'RFC 9110 §9.3.1',
    'a stored answer to GET is not for an unknown method',
    asked(HOUR),
    asked(HOUR, { ask: { method: 'REPORT' } }),
  ),
  may(
    'RFC 9110 §9.3.2',
    'a stored answer to GET is for HEAD, without its body',
    asked(HOUR),
    reused({ body: '', status: 200, fields: { 'content-length': '8' } }, { method: 'HEAD' }),
  ),
  must(
    'RFC 9111 §3.3',
    'an answer that breaks off is not stored as whole',
    asked({ fields: HOUR, breaksOff: 'in the body' }),
    asked(),
  ),
  must(
    'RFC 9111 §3.1',
    'fields that Connection names are not stored',
    asked({ ...HOUR, connection: 'x-of-hop', 'x-of-hop': 'a' }),
    reused({ fields: { 'x-of-hop': undefined } }),
  ),
  ...HOP_BY_HOP.map((name) =>
    must(
      'RFC 9111 §3.1',
      `${name} is not stored`,
      asked({ ...HOUR, [name]: VALUES[name] ?? 'a=b' }),
      reused({
        fields: { [name.toLowerCase()]: name === 'Connection' || name === 'Keep-Alive' ? /^(?!.*(?:x-of-hop|a=b))/ : undefined },
      }),
    ),
  ),
  must(
    'RFC 9111 §3.1',
    'Transfer-Encoding is not stored',
    asked({ ...HOUR, 'transfer-encoding': 'chunked' }),
    reused({ fields: { 'content-length': '8', 'transfer-encoding': undefined } }),
  ),
  ...Object.entries(END_TO_END).map(([name, value]) =>
    must(
      'RFC 9111 §3.1',
      `${name} is stored`,
      asked({ 'cache-control': 'max-age=3600', [name === 'Cache-Control' ? 'cache-control' : name]: value }),
      reused({ fields: { [name.toLowerCase()]: value } }),
    ),
  ),
  must(
    'RFC 9111 §3.1',
    'Content-Length is stored',
    asked({ ...HOUR, 'content-length': '8' }),
    reused({ fields: { 'content-length': '8' } }),
  ),
  must(
    'RFC 9110 §5.3',
    'lines of one field keep their order',
    asked({ ...HOUR, 'x-list': ['one', 'two', 'three'] }),
    reused({ fields: { 'x-list': 'one, two, three' } }),
  ),
  ...notInSafe(
    'answers that set cookies are never shared',
    must(
      'RFC 9111 §7.3',
      'Set-Cookie does not keep an answer from being stored, and is stored',
      asked({ ...HOUR, 'set-cookie': 'a=b' }),
      reused({ fields: { 'set-cookie': 'a=b' } }),
    ),
  ),
  ...notInSafe(
    'answers to requests with cookies are shared only where the origin says that they are for everybody',
    may(
      'RFC 9111 §3',
      'cookies of the request do not keep an answer from being stored',
      asked(HOUR, { ask: { fields: { cookie: 'a=b' } } }),
      reused(),
    ),
  ),
  may(
    'RFC 9111 §3',
    'cookies of the request do not keep a public answer from being stored',
    asked({ 'cache-control': 'public, max-age=3600' }, { ask: { fields: { cookie: 'a=b' } } }),
    reused(),
  ),
  may(
    'RFC 9111 §4',
    'cookies of the request do not keep a stored answer from being used',
    asked(HOUR),
    reused({}, { fields: { cookie: 'a=b' } }),
  ),
];
