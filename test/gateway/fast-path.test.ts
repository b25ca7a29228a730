/** The fast path and the HTTP server give the same answers, to whatever bytes arrive in whatever pieces. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectH2, type IncomingHttpHeaders } from 'node:http2';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { createCache } from '../../src/cache/index.ts';
import { createGateway, createProxy, type CompletedRequest, type Gateway } from '../../src/gateway/index.ts';
import { Metrics, seededRandom, randomInt } from '../../src/kernel/index.ts';
import { createPages, pageCodec, type PageEntry } from '../../src/page/index.ts';
import { createPolicy } from '../../src/policy/index.ts';
import { eventually } from '../servers/index.ts';
import { dial, Origin, ownCertificate } from './support.ts';

/** A gateway with the fast path beside one without. */
interface Pair {
  readonly fast: Gateway;
  readonly slow: Gateway;
}

const metrics = new Metrics();
let origin: Origin;
let plain: Pair;
let secure: Pair;
let fast: Gateway;
let stop: () => Promise<void>;
const completed: CompletedRequest[] = [];
const certificate = ownCertificate();

before(async () => {
  origin = await Origin.start((request, response) => {
    if (request.url === '/private') response.setHeader('cache-control', 'no-store');
    response.setHeader('content-type', 'text/html');
    response.end(`<p>${request.headers['x-forwarded-proto']}, ${request.url}</p>`.repeat(200));
  });
  const policy = createPolicy({
    upstreams: { site: { endpoints: [origin.url] } },
    routes: { '/**': { class: 'high' }, '/uncached/**': { class: 'high', cache: false } },
  });
  const store = createCache<PageEntry>({ name: 'pages', codec: pageCodec }, { metrics });
  const pages = createPages({}, { metrics, store });
  const proxy = createProxy({ upstreams: { site: { endpoints: [origin.url] } } });
  const options = {
    match: policy.match.bind(policy),
    handle: (exchange: Parameters<typeof proxy.pass>[0]) =>
      exchange.route.cache ? pages.serve(exchange, proxy) : proxy.pass(exchange),
  };
  const pair = async (listen: object): Promise<Pair> => {
    const both = { ...options, listen: { port: 0, maxHeaderBytes: '4kb', maxUrlBytes: '1kb', ...listen } as never };
    const onComplete = (one: CompletedRequest): void => void completed.push(one);
    const one = {
      fast: createGateway({ ...both, prepared: pages.prepared, onComplete }, { metrics }),
      slow: createGateway(both),
    };
    await Promise.all([one.fast.start(), one.slow.start()]);
    return one;
  };
  plain = await pair({});
  secure = await pair({ tls: certificate.tls });
  ({ fast } = plain);
  stop = async () => {
    await Promise.all([plain.fast, plain.slow, secure.fast, secure.slow].map((gateway) => gateway.stop()));
    await pages.close();
    await store.close();
    await proxy.stop();
    await origin.kill();
    certificate.remove();
  };
  for (const { slow } of [plain, secure]) {
    for (const path of ['/', '/a', '/b?q=1']) await converse(slow, [`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`]);
  }
});
after(() => stop());

const portOf = (gateway: Gateway): number => Number(new URL(gateway.address).port);

/** Sends the pieces with turns of the event loop between them; returns all that has come back when nothing more does. */
async function converse(gateway: Gateway, pieces: readonly string[]): Promise<string> {
  const socket = await dial(gateway.address);
  let answer = '';
  socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
  socket.on('error', () => {});
  for (const piece of pieces) {
    if (socket.destroyed) break;
    socket.write(piece, 'latin1');
    await turn();
    await turn();
  }
  for (let quiet = 0, length = 0; quiet < 30 && !socket.destroyed; quiet++) {
    if (gateway.inFlight > 0 || answer.length > length) quiet = 0;
    length = answer.length;
    await turn();
  }
  socket.destroy();
  return answer;
}

interface Answer {
  readonly status: string;
  readonly fields: string[];
  readonly body: string;
}

/** Answers in order, without what differs from one second, connection or request to the next. */
function parse(answers: string): Answer[] {
  const parsed: Answer[] = [];
  for (let rest = answers; rest !== '';) {
    const end = rest.indexOf('\r\n\r\n');
    if (end === -1) return [...parsed, { status: 'broken', fields: [], body: rest }];
    const [status, ...lines] = rest.slice(0, end).split('\r\n');
    const length = Number(lines.find((line) => /^content-length:/i.test(line))?.split(':')[1] ?? 0);
    const fields = lines
      .map((line) => line.toLowerCase())
      .filter((line) => !/^(?:date|age|connection|keep-alive|x-request-id):/.test(line))
      .map((line) => line.replace(/ttl=-?\d+/, 'ttl'))
      .sort();
    const body = createHash('md5')
      .update(rest.slice(end + 4, end + 4 + length))
      .digest('hex');
    parsed.push({ status: status!, fields, body });
    rest = rest.slice(end + 4 + length);
  }
  return parsed;
}

const REQUESTS = [
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET /a HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nUser-Agent: x\r\n\r\n',
  'GET /b?q=1 HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nCookie: s=1\r\n\r\n',
  'GET /b?q=2 HTTP/1.1\r\nHost: A\r\n\r\n',
  'GET /private HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET /uncached/x HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
  'GET /x/../a HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\nIf-None-Match: *\r\n\r\n',
  'GET /a HTTP/1.1\r\nHost: a\r\nCache-Control: no-cache\r\n\r\n',
  'POST /uncached/p HTTP/1.1\r\nHost: a\r\nContent-Length: 35\r\n\r\nGET /a HTTP/1.1\r\nHost: evil\r\n\r\n....',
  'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nGET ',
  'GET / HTTP/1.0\r\n\r\n',
  'GET / HTTP/1.1\nHost: a\n\n',
  'GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  `GET / HTTP/1.1\r\nHost: a\r\nCookie: ${'c'.repeat(5000)}\r\n\r\n`,
  `GET /${'u'.repeat(1100)} HTTP/1.1\r\nHost: a\r\n\r\n`,
  '\r\n\r\n',
  'nonsense\r\n\r\n',
];

/**
 * The same bytes to both. An answer says whether it was stored just now, so they are given until nothing new is stored.
 *
 * @param pipelined an error cuts off answers before it that are not out yet, and one path may have got further: only what
 *   both have is compared.
 */
async function same({ fast, slow }: Pair, pieces: readonly string[], pipelined = false): Promise<void> {
  let first: Answer[] = [];
  let second: Answer[] = [];
  for (let attempt = 0; attempt < 10; attempt++) {
    [first, second] = [parse(await converse(fast, pieces)), parse(await converse(slow, pieces))];
    const common = Math.min(first.length, second.length);
    if (isDeepStrictEqual(first.slice(0, common), second.slice(0, common))) break;
  }
  const common = pipelined ? Math.min(first.length, second.length) : Infinity;
  assert.deepEqual(first.slice(0, common), second.slice(0, common), JSON.stringify(pieces));
}

for (const scheme of ['http', 'https'] as const)
  describe(`both paths answer alike, ${scheme}`, () => {
    const pair = (): Pair => (scheme === 'http' ? plain : secure);

    test('each request alone, in one piece and byte by byte', async () => {
      for (const request of REQUESTS) {
        await same(pair(), [request]);
        if (request.length < 200) await same(pair(), [...request]);
      }
    });

    test('in any order, pipelined and cut anywhere', async () => {
      const random = seededRandom(Number(process.env['SEED'] ?? 20_261_120));
      const rounds = Number(process.env['ROUNDS'] ?? 60);
      for (let round = 0; round < rounds; round++) {
        const bytes = Array.from({ length: 1 + randomInt(random, 5) }, () => REQUESTS[randomInt(random, REQUESTS.length)]!).join(
          '',
        );
        const cuts = Array.from({ length: randomInt(random, 4) }, () => randomInt(random, bytes.length)).sort((a, b) => a - b);
        const pieces = [0, ...cuts].map((cut, at) => bytes.slice(cut, cuts[at] ?? bytes.length)).filter((piece) => piece !== '');
        await same(pair(), pieces, true);
      }
    });

    test('with single bytes changed anywhere', async () => {
      const random = seededRandom(Number(process.env['SEED'] ?? 7));
      for (let round = 0; round < Number(process.env['ROUNDS'] ?? 60); round++) {
        const request = REQUESTS[randomInt(random, 6)]!;
        const at = randomInt(random, request.length);
        const byte = String.fromCharCode(randomInt(random, 256));
        await same(pair(), [request.slice(0, at) + byte + request.slice(at + randomInt(random, 2)), REQUESTS[0]!], true);
      }
    });
  });

describe('the fast path', () => {
  const answers = (): number =>
    metrics
      .snapshot()
      .families.find((family) => family.name === 'spillway_http_fast_answers')!
      .series.reduce((sum, series) => sum + series.value!, 0);

  test('takes plain hits, and counts and logs them like any other', async () => {
    const before = answers();
    completed.length = 0;
    const text = await converse(fast, [REQUESTS[0]!.repeat(3)]);
    assert.equal(parse(text).length, 3);
    assert.equal(answers() - before, 3);
    assert.equal(completed.length, 3);
    const { status, method, target, clientIp, bytes } = completed[0]!;
    assert.deepEqual(
      { status, method, target, clientIp, bytes },
      {
        status: 200,
        method: 'GET',
        target: '/',
        clientIp: '127.0.0.1',
        bytes: text.length / 3,
      },
    );
  });

  test('takes them over TLS, and leaves HTTP/2 and what is not plain to the server behind it', async () => {
    const before = answers();
    const text = await converse(secure.fast, [REQUESTS[0]!.repeat(3), REQUESTS[3]!]);
    assert.deepEqual(
      parse(text).map(({ status }) => status),
      Array.from({ length: 4 }, () => 'HTTP/1.1 200 OK'),
    );
    assert.ok(answers() - before >= 3);
    const session = connectH2(secure.fast.address, { rejectUnauthorized: false });
    const stream = session.request({ ':path': '/', ':authority': 'a' });
    const [answer] = (await once(stream, 'response')) as [IncomingHttpHeaders];
    assert.equal(answer[':status'], 200);
    stream.close();
    session.close();
  });

  test('a client that reads nothing is not read from', async () => {
    const socket = connect(portOf(fast), '127.0.0.1');
    socket.pause();
    await once(socket, 'connect');
    const before = answers();
    let written = 0;
    const more = (): void => {
      while (written < 50_000 && socket.write(REQUESTS[0]!.repeat(100))) written += 100;
    };
    socket.on('drain', more);
    more();
    let last = -1;
    await eventually('it stands still', async () => {
      const now = answers();
      const still = now > before && now === last;
      last = now;
      for (let i = 0; i < 50; i++) await turn();
      return still;
    });
    assert.ok(answers() - before < 20_000, `${answers() - before} answers were buffered`);
    socket.destroy();
  });

  test('what a client has not taken yet stays as it was, whatever others are answered', async (context) => {
    const body = Buffer.alloc(10_240, 'page ');
    const head = Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n`);
    const policy = createPolicy({ upstreams: { site: { endpoints: [origin.url] } } });
    const match = policy.match.bind(policy);
    const answer = { route: match('GET', '/')!.route, status: 200, body, head: () => head };
    let nth = 0;
    const gateway = createGateway({
      listen: { port: 0 },
      match,
      prepared: () => answer,
      admitFast: () => Buffer.from(`x-nth: ${++nth}\r\n`),
      handle: ({ response }) => {
        response.setHeader('x-nth', ++nth);
        response.end(body);
      },
    });
    await gateway.start();
    context.after(() => gateway.stop());
    const slow = connect(portOf(gateway), '127.0.0.1');
    slow.pause();
    await once(slow, 'connect');
    const asked = 1000;
    slow.write(`${REQUESTS[0]!.repeat(asked - 1)}GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    let last = -1;
    await eventually('nothing more is written', async () => {
      const still = nth > 0 && nth === last;
      last = nth;
      for (let i = 0; i < 20; i++) await turn();
      return still;
    });
    const others: number[] = [];
    for (let i = 0; i < 20; i++) {
      const response = await fetch(gateway.address);
      assert.equal(await response.text(), body.toString());
      others.push(Number(response.headers.get('x-nth')));
    }
    const taken: Buffer[] = [];
    slow.on('data', (chunk) => taken.push(chunk));
    slow.resume();
    await once(slow, 'end');
    const answers = parse(Buffer.concat(taken).toString('latin1'));
    assert.deepEqual([...new Set(answers.map((one) => one.body))], [createHash('md5').update(body).digest('hex')]);
    const told = answers.map(({ fields }) => Number(/\d+/.exec(fields.find((line) => line.startsWith('x-nth'))!)));
    assert.deepEqual(
      [...told, ...others].sort((a, b) => a - b),
      Array.from({ length: asked + others.length }, (_, at) => at + 1),
    );
  });

  test('connections that say nothing for too long are closed: new ones, idle ones, and those that take nothing', async (context) => {
    const body = Buffer.alloc(16 * 2 ** 20, 'more than the kernel buffers ');
    const head = Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n`);
    const policy = createPolicy({ upstreams: { site: { endpoints: [origin.url] } } });
    const match = policy.match.bind(policy);
    const answer = { route: match('GET', '/')!.route, status: 200, body, head: () => head };
    const gateway = createGateway({
      listen: { port: 0, headersTimeout: '1s', keepAliveTimeout: '1s' },
      match,
      prepared: () => answer,
      handle: ({ response }) => void response.end(body),
    });
    await gateway.start();
    context.after(() => gateway.stop());
    const silent = await dial(gateway.address);
    const idle = await dial(gateway.address);
    idle.resume().write(REQUESTS[0]!);
    const blocked = await dial(gateway.address);
    blocked.pause().write(REQUESTS[0]!);
    silent.resume();
    await Promise.all([once(silent, 'close'), once(idle, 'close')]);
    assert.ok(idle.bytesRead > body.length);
    await eventually('the one that takes nothing is closed', () => gateway.connections === 0);
    blocked.destroy();
  });

  test('draining tells clients of the fast path to close, too', async () => {
    const draining = createGateway({ listen: { port: 0 }, match: () => undefined, handle: () => {}, prepared: () => undefined });
    await draining.start();
    const socket = connect(portOf(draining), '127.0.0.1');
    await once(socket, 'connect');
    await eventually('it is accepted', () => draining.connections === 1);
    const drained = draining.drain(new AbortController().signal);
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    let answer = '';
    socket.on('data', (chunk) => (answer += String(chunk)));
    await once(socket, 'end');
    assert.match(answer, /connection: close/i);
    await drained;
  });
});
