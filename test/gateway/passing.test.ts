/** Requests passed on straight from their socket, and the same through Node's HTTP server: nobody can tell the difference. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { CompletedRequest } from '../../src/gateway/index.ts';
import { randomInt, seededRandom } from '../../src/kernel/index.ts';
import { eventually } from '../servers/index.ts';
import { dial, ownCertificate, startSite, type Site } from './support.ts';

const TEXT = 'spillway '.repeat(300);
const chunked = (parts: string[], trailers = ''): string =>
  `Transfer-Encoding: chunked\r\n\r\n${parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join('')}0\r\n${trailers}\r\n`;

/** What the origin answers at each path, as bytes; `|` ends the connection, `~` lets the loop turn. */
const ANSWERS: Record<string, string> = {
  '/length': 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello',
  '/pieces': 'HTTP/1.1 200 OK\r\nContent-Le~ngth: 10\r\n~\r\nhello~world',
  '/empty': 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n',
  '/chunked': `HTTP/1.1 200 OK\r\n${chunked(['one', 'two'])}`,
  '/trailers': 'HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n5~\r\nhe~llo\r~\n0\r\nX-Sum: 1\r\n~\r\n',
  '/no-chunk': `HTTP/1.1 200 OK\r\n${chunked([])}`,
  '/to-the-end': 'HTTP/1.1 200 OK\r\n\r\nuntil~ the end|',
  '/http-1.0': 'HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello|',
  '/hop-by-hop':
    'HTTP/1.1 200 OK\r\nConnection: X-Hop, keep-alive\r\nKeep-Alive: timeout=9\r\nX-Hop: 1\r\nX-Kept: 1\r\nContent-Length: 1\r\n\r\nx',
  '/closes': 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx|',
  '/repeated': 'HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nVary: A\r\nVary: B\r\nContent-Length: 1\r\n\r\nx',
  '/hints': 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n~HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx',
  '/204': 'HTTP/1.1 204 No Content\r\n\r\n',
  '/304': 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n',
  '/404': 'HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone',
  '/500': 'HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\n\r\nno',
  '/text': `HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: ${TEXT.length}\r\n\r\n${TEXT}`,
  '/text-chunked': `HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n${chunked([TEXT, TEXT])}`,
  '/latin': 'HTTP/1.1 200 OK\r\nX-Name: caf\xe9\r\nContent-Length: 3\r\n\r\n\xe9\x00\xff',
  '/large': `HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n${'\xe9x~'.repeat(3).replaceAll('~', '')}${'l'.repeat(300_000 - 6)}`,
  '/cut': 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf~|',
  '/cut-chunk': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel~|',
  '/silent': '|',
  '/nonsense': 'nonsense\r\n\r\n',
  '/smuggles': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  '/two-lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 1\r\n\r\nxx',
  '/switches': 'HTTP/1.1 101 Switching Protocols\r\n\r\n',
  '/too-much': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil',
};

/** Answers from {@link ANSWERS}, and keeps what it was asked. */
class RawOrigin {
  readonly asked: string[] = [];
  readonly sockets = new Set<Socket>();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async start(): Promise<RawOrigin> {
    const origin = new RawOrigin();
    origin.#server.listen(0, '127.0.0.1');
    await once(origin.#server, 'listening');
    return origin;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.close();
    for (const socket of this.sockets) socket.destroy();
  }

  #serve(socket: Socket): void {
    this.sockets.add(socket);
    socket.setNoDelay(true);
    let text = '';
    socket.on('error', () => {});
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      if (end === -1) return;
      const head = text.slice(0, end);
      text = text.slice(end + 4);
      this.asked.push(head);
      void this.#answer(socket, ANSWERS[/ ([^ ?]*)/.exec(head)![1]!] ?? ANSWERS['/404']!);
    });
  }

  async #answer(socket: Socket, script: string): Promise<void> {
    const ends = script.endsWith('|');
    for (const piece of (ends ? script.slice(0, -1) : script).split('~')) {
      socket.write(piece, 'latin1');
      for (let i = 0; i < 5; i++) await turn();
    }
    if (ends) socket.end();
  }
}

let origin: RawOrigin;
let straight: Site;
let through: Site;
/** The same two behind TLS. */
let secureStraight: Site;
let secureThrough: Site;
const certificate = ownCertificate();
const completed: Record<'straight' | 'through', CompletedRequest[]> = { straight: [], through: [] };

before(async () => {
  origin = await RawOrigin.start();
  const upstream = { retries: { attempts: 0 }, outliers: { consecutiveFailures: 1000 } };
  const start = (name: 'straight' | 'through', listen: object = {}): Promise<Site> =>
    startSite([origin.url], {
      upstream,
      httpServerOnly: name === 'through',
      gateway: { listen, onComplete: (one: CompletedRequest) => completed[name].push(one) } as never,
    });
  straight = await start('straight');
  through = await start('through');
  secureStraight = await start('straight', { tls: certificate.tls });
  secureThrough = await start('through', { tls: certificate.tls });
});
after(async () => {
  for (const site of [straight, through, secureStraight, secureThrough]) await site.stop();
  origin.stop();
  certificate.remove();
});

/** Sends the pieces; returns all that has come back when nothing more does. */
async function converse(site: Site, pieces: readonly string[]): Promise<string> {
  const socket = await dial(site.gateway.address);
  let answer = '';
  socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
  socket.on('error', () => {});
  for (const piece of pieces) {
    if (socket.destroyed) break;
    socket.write(piece, 'latin1');
    for (let i = 0; i < 3; i++) await turn();
  }
  for (let quiet = 0, length = 0; quiet < 40 && !socket.destroyed; quiet++) {
    if (site.gateway.inFlight > 0 || answer.length > length) quiet = 0;
    length = answer.length;
    await turn();
  }
  socket.destroy();
  await eventually('its connection is gone', () => site.gateway.connections === 0 && site.gateway.inFlight === 0);
  return answer;
}

interface Answer {
  readonly status: string;
  readonly fields: string[];
  readonly body: string;
}

/** The answers, framing resolved, without what differs from one second or request to the next. */
function parse(answers: string, methods: readonly string[]): Answer[] {
  const parsed: Answer[] = [];
  let rest = answers;
  for (let at = 0; rest !== '';) {
    const end = rest.indexOf('\r\n\r\n');
    if (end === -1) return [...parsed, { status: 'broken', fields: [], body: rest }];
    const [status, ...lines] = rest.slice(0, end).split('\r\n');
    rest = rest.slice(end + 4);
    const fields = lines.map((line) => line.replace(/^[^:]*/, (name) => name.toLowerCase()));
    const kept = fields.filter((line) => !/^(?:date: (?!Thu, 01 Jan 1970)|x-request-id)/.test(line)).sort();
    const interim = / 1\d\d /.test(status!);
    const bodiless = interim || methods[at] === 'HEAD' || / (?:204|304) /.test(status!);
    if (!interim) at++;
    const [body, left] = bodiless ? ['', rest] : bodyOf(rest, fields);
    // The id of the request stands in a problem document.
    parsed.push({ status: status!, fields: kept, body: body.replace(/"instance":"[^"]*"/, '') });
    rest = left;
  }
  return parsed;
}

function bodyOf(rest: string, fields: readonly string[]): [body: string, rest: string] {
  const length = fields.find((line) => line.startsWith('content-length:'));
  if (length !== undefined) {
    const bytes = Number(length.slice(15));
    return [rest.slice(0, bytes), rest.slice(bytes)];
  }
  let body = '';
  for (let at = 0; ;) {
    const end = rest.indexOf('\r\n', at);
    const size = Number.parseInt(rest.slice(at, end), 16);
    if (end === -1 || Number.isNaN(size)) return [`${body} broken off`, ''];
    if (size === 0) {
      const last = rest.indexOf('\r\n\r\n', at);
      return [`${body} trailers: ${rest.slice(end, last)}`, rest.slice(last + 4)];
    }
    body += rest.slice(end + 2, end + 2 + size);
    at = end + 2 + size + 2;
  }
}

/** The same bytes to both; what the clients, the origin and the log have of them must be the same. */
async function same(pieces: readonly string[], methods: readonly string[], [first, second] = [straight, through]): Promise<void> {
  const of = async (site: Site, name: 'straight' | 'through'): Promise<object> => {
    origin.asked.length = 0;
    completed[name].length = 0;
    const answers = parse(await converse(site, pieces), methods);
    const asked = origin.asked.map((head) => head.replace(/x-request-id: .*/, 'x-request-id').replaceAll(`:${site.port}`, ''));
    const logged = completed[name].map(
      ({ method, authority, target, clientIp, userAgent, referer, traceparent, status, aborted }) => ({
        request: [method, authority, target, clientIp, userAgent, referer, traceparent],
        end: aborted ? 'aborted' : status,
      }),
    );
    return { answers, asked, logged };
  };
  assert.deepEqual(await of(first, 'straight'), await of(second, 'through'), JSON.stringify(pieces));
}

const FIELDS = [
  'Host: a\r\n',
  'Host: A.example\r\nUser-Agent: x\r\nAccept: */*\r\nReferer: http://b/\r\n',
  'Host: a\r\nAccept-Encoding: gzip, br\r\nConnection: keep-alive\r\n',
  'Host: a\r\nAuthorization: Basic eDp5\r\nIf-None-Match: "a"\r\nRange: bytes=0-1\r\nX-Own: yes\r\nCookie: s=1\r\n',
  'Host: a\r\nTraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\nCache-Control: no-cache\r\n',
];
/** These go to the HTTP server, on either. */
const OTHER_FIELDS = [
  'Host: a\r\nX-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nX-Request-Id: mine\r\n',
  'Host: a\r\nConnection: X-Own\r\nX-Own: 1\r\nTE: trailers\r\nKeep-Alive: 5\r\n',
  'Host: a\r\nContent-Length: 0\r\n',
  'Host: a\r\nX-Empty:\r\n',
  'Host: a\r\nX_Under: 1\r\nX-Twice: 1\r\nX-Twice: 2\r\n',
];

describe('both ways are the same', () => {
  const known = (site: Site): number =>
    site.metrics
      .snapshot()
      .families.find((family) => family.name === 'spillway_http_fast_handovers')!
      .series.reduce((sum, series) => sum + series.value!, 0);

  for (const path of Object.keys(ANSWERS)) {
    test(`for the answer ${path}`, async () => {
      for (const method of ['GET', 'HEAD']) {
        const before = known(straight);
        await same([`${method} ${path}?q=%20 HTTP/1.1\r\n${FIELDS[0]}\r\n`], [method]);
        assert.equal(known(straight), before, 'it was passed on straight');
      }
    });
  }

  test('over TLS', async () => {
    const pair = [secureStraight, secureThrough] as [Site, Site];
    const before = known(secureStraight);
    for (const path of Object.keys(ANSWERS)) {
      for (const method of ['GET', 'HEAD']) await same([`${method} ${path} HTTP/1.1\r\n${FIELDS[0]}\r\n`], [method], pair);
    }
    assert.equal(known(secureStraight), before, 'they were passed on straight');
    for (const fields of [...FIELDS, ...OTHER_FIELDS]) {
      await same([`GET /text HTTP/1.1\r\n${fields}\r\n`], ['GET'], pair);
      await same([...`GET /length HTTP/1.1\r\n${fields}\r\n`], ['GET'], pair);
    }
  });

  test('for requests of every kind, in one piece and byte by byte', async () => {
    for (const fields of [...FIELDS, ...OTHER_FIELDS]) {
      for (const path of ['/length', '/text', '/text-chunked']) {
        const request = `GET ${path} HTTP/1.1\r\n${fields}\r\n`;
        await same([request], ['GET']);
        if (path === '/length') await same([...request], ['GET']);
      }
    }
  });

  test('pipelined, in any order and cut anywhere', async () => {
    const random = seededRandom(Number(process.env['SEED'] ?? 20_261_120));
    const paths = ['/length', '/pieces', '/chunked', '/hints', '/204', '/404', '/text', '/closes', '/large', '/http-1.0'];
    for (let round = 0; round < Number(process.env['ROUNDS'] ?? 40); round++) {
      const requests = Array.from({ length: 1 + randomInt(random, 4) }, () => ({
        method: ['GET', 'GET', 'HEAD', 'POST'][randomInt(random, 4)]!,
        path: paths[randomInt(random, paths.length)]!,
        fields: [...FIELDS, ...OTHER_FIELDS][randomInt(random, FIELDS.length + OTHER_FIELDS.length)]!,
      }));
      const bytes = requests.map(({ method, path, fields }) => `${method} ${path} HTTP/1.1\r\n${fields}\r\n`).join('');
      const cuts = Array.from({ length: randomInt(random, 4) }, () => randomInt(random, bytes.length)).sort((a, b) => a - b);
      const pieces = [0, ...cuts].map((cut, at) => bytes.slice(cut, cuts[at] ?? bytes.length)).filter((piece) => piece !== '');
      const methods = requests.map(({ method }) => method);
      // Hints for an answer that waits for its turn are left out.
      const final = async (site: Site): Promise<Answer[]> =>
        parse(await converse(site, pieces), methods).filter(({ status }) => !/ 103 /.test(status));
      const answers = await final(straight);
      assert.deepEqual(answers, await final(through), JSON.stringify(pieces));
      assert.equal(answers.length, requests.length);
    }
  });
});

describe('a client that sends ahead', () => {
  test('is answered in order, and not read from without bound', async () => {
    const socket = connect(straight.port, '127.0.0.1');
    let answers = 0;
    socket.on('data', (chunk) => (answers += chunk.toString('latin1').split('hello').length - 1));
    await once(socket, 'connect');
    const request = `GET /length HTTP/1.1\r\nHost: a\r\nX-Pad: ${'p'.repeat(1000)}\r\n\r\n`;
    socket.write(request.repeat(500));
    await eventually('all are answered', () => answers === 500);
    socket.destroy();
  });
});
