/** What a fuzzed connection is sent: made from a seed, so that the same seed makes it again. */
import { randomInt, seededRandom, type Random } from '../../src/kernel/index.ts';

export interface FuzzCase {
  readonly seed: number;
  readonly pieces: readonly string[];
  /** Answers that must come when nothing was damaged; undefined: unknown. */
  readonly expected: readonly string[] | undefined;
}

interface Part {
  readonly bytes: string;
  /** Status and, for 200, the first words of the body; undefined: an error that ends the connection, or none. */
  readonly answer: string | undefined;
}

const INNER = 'GET /inner HTTP/1.1\r\nHost: inner\r\n\r\n';
const get = (target: string, fields = '', answer: string | undefined = `200 GET ${target}`): Part => ({
  bytes: `GET ${target} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`,
  answer,
});
const post = (target: string, fields: string, body: string): Part => ({
  bytes: `POST ${target} HTTP/1.1\r\nHost: a\r\n${fields}\r\n${body}`,
  answer: `200 POST ${target}`,
});
const length = (body: string): string => `Content-Length: ${body.length}\r\n`;
const chunked = (...chunks: string[]): string =>
  `${chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('')}0\r\n\r\n`;

/** Requests that are fine, each with its answer. */
const PLAIN: readonly Part[] = [
  get('/'),
  get('/a', 'Accept-Encoding: gzip\r\nUser-Agent: x\r\n'),
  get('/b?q=1', 'Connection: keep-alive\r\nCookie: s=1; t=2\r\n'),
  get('/private/x', 'Accept: */*\r\n'),
  get('/uncached/1', 'Referer: http://a/\r\n'),
  get('/uncached/2?x=y&z', 'Authorization: Bearer t\r\nAccept-Language: de\r\n'),
  get('/uncached/3', 'X-Forwarded-For: 192.0.2.9\r\nForwarded: for=192.0.2.9\r\nX-Real-IP: 192.0.2.9\r\n'),
  get('/uncached/4', 'Connection: X-Gone\r\nX-Gone: 1\r\nX-Kept: 2\r\n'),
  get('/uncached/../uncached/5', '', '200 GET /uncached/5'),
  get('/uncached/%36', '', '200 GET /uncached/6'),
  { bytes: `GET /uncached/7 HTTP/1.1\r\nHost: a\r\n${length(INNER)}\r\n${INNER}`, answer: '200 GET /uncached/7' },
  { bytes: 'HEAD /uncached/8 HTTP/1.1\r\nHost: a\r\n\r\n', answer: '200' },
  post('/uncached/p', length(INNER), INNER),
  post('/uncached/p', 'Transfer-Encoding: chunked\r\n', chunked('hello', INNER, 'x'.repeat(300))),
  post('/uncached/q', length(''), ''),
  post('/uncached/r', `Content-Type: application/json\r\n${length('{"a":1}')}`, '{"a":1}'),
];

/** Requests that are refused, or doubtful. */
const ODD: readonly string[] = [
  'GET / HTTP/1.0\r\n\r\n',
  'GET / HTTP/1.1\nHost: a\n\n',
  `POST /uncached/s HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${INNER}`,
  `POST /uncached/s HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 39\r\n\r\n${INNER}`,
  `POST /uncached/s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x="\r\nhello\r\n0\r\nTrailer: 1\r\n\r\n`,
  `POST /uncached/s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 1\r\nContent-Length: 9\r\nHost: b\r\n\r\n`,
  'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
  'GET http://b/uncached/9 HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n',
  'TRACE /uncached/t HTTP/1.1\r\nHost: a\r\n\r\n',
  'CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n',
  'POST /uncached/e HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok',
  `GET /uncached/${'u'.repeat(1100)} HTTP/1.1\r\nHost: a\r\n\r\n`,
  `GET / HTTP/1.1\r\nHost: a\r\nCookie: ${'c'.repeat(5000)}\r\n\r\n`,
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  '\r\n\r\n',
];

/** Bytes parsers disagree about. */
const TOKENS: readonly string[] = [
  '\r',
  '\n',
  '\r\n',
  '\r\n\r\n',
  '\0',
  '\t',
  ' ',
  '\x0b',
  '\x0c',
  '\x7f',
  '\x85',
  '\xa0',
  '\xff',
  ':',
  ';',
  ',',
  '"',
  '%00',
  '%0d%0a',
  '%2e%2e/',
  '/../',
  '//',
  '\\',
  '?',
  '#',
  '0',
  '-1',
  '0x5',
  '+5',
  '5 ',
  'ffffffffffffffff',
  'chunked',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding:\x0bchunked\r\n',
  'Transfer-Encoding : chunked\r\n',
  'Content-Length: 5\r\n',
  'Content-Length: 0\r\n',
  'Content_Length: 5\r\n',
  'Connection: close\r\n',
  'Connection: Host, Content-Length\r\n',
  'Expect: 100-continue\r\n',
  'Upgrade: websocket\r\nConnection: upgrade\r\n',
  'Host: b\r\n',
  'X: a\r\n b\r\n',
  'If-None-Match: *\r\n',
  'Range: bytes=0-1\r\n',
  'Cache-Control: no-cache\r\n',
  ' HTTP/1.1',
  'HTTP/1.1\r\n',
  INNER,
];

export function fuzzCase(seed: number): FuzzCase {
  const random = seededRandom(seed);
  const parts = Array.from({ length: 1 + randomInt(random, 4) }, () => part(random));
  const whole = parts.map(({ bytes }) => bytes).join('');
  const damages = random.next() < 0.25 ? 0 : 1 + randomInt(random, 3);
  let bytes = whole;
  for (let i = 0; i < damages; i++) bytes = damaged(bytes, random);
  const answers = parts.map(({ answer }) => answer);
  const known = bytes === whole && answers.every((answer) => answer !== undefined);
  return { seed, pieces: cut(bytes, random), expected: known ? (answers as string[]) : undefined };
}

function part(random: Random): Part {
  return random.next() < 0.8 ? one(PLAIN, random) : { bytes: one(ODD, random), answer: undefined };
}

function damaged(bytes: string, random: Random): string {
  const at = randomInt(random, bytes.length + 1);
  const to = Math.min(bytes.length, at + 1 + randomInt(random, random.next() < 0.7 ? 3 : 60));
  switch (randomInt(random, 8)) {
    case 0:
      return bytes.slice(0, at) + String.fromCharCode(randomInt(random, 256)) + bytes.slice(at + 1);
    case 1:
      return bytes.slice(0, at) + bytes.slice(to);
    case 2:
      return bytes.slice(0, to) + bytes.slice(at, to) + bytes.slice(to);
    case 3:
      return bytes.slice(0, at) + one(TOKENS, random) + bytes.slice(at);
    case 4:
      return bytes.slice(0, at) + one(TOKENS, random) + bytes.slice(to);
    case 5:
      return atLine(bytes, at, (lines, line) => [...lines.slice(0, line), one(TOKENS, random), ...lines.slice(line)]);
    case 6:
      return atLine(bytes, at, (lines, line) => [...lines.slice(0, line), lines[line]!, ...lines.slice(line)]);
    default:
      return bytes.slice(0, at);
  }
}

function atLine(bytes: string, at: number, change: (lines: readonly string[], line: number) => readonly string[]): string {
  const line = bytes.slice(0, at).split('\r\n').length - 1;
  return change(bytes.split('\r\n'), line).join('\r\n');
}

function cut(bytes: string, random: Random): string[] {
  const cuts =
    random.next() < 0.5 ? [] : Array.from({ length: 1 + randomInt(random, 5) }, () => randomInt(random, bytes.length + 1));
  const places = [0, ...cuts.sort((a, b) => a - b), bytes.length];
  return places.slice(1).flatMap((end, i) => (end > places[i]! ? [bytes.slice(places[i], end)] : []));
}

function one<T>(list: readonly T[], random: Random): T {
  return list[randomInt(random, list.length)]!;
}
