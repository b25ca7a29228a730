/** Large answers, whose pieces are lent from the buffers they were read into: nobody gets a byte of another's. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectH2 } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { request as httpRequest, Agent, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { setImmediate as turn } from 'node:timers/promises';
import { randomInt, seededRandom, type Random } from '../../src/kernel/index.ts';
import { eventually } from '../servers/index.ts';
import { Origin, startSite, type Site } from './support.ts';

const LARGEST = 6_000_000;

/** Bytes that depend on where they stand and on whose they are. */
function bytesOf(seed: number, length: number): Buffer {
  const words = new Uint32Array(Math.ceil(length / 4));
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(i + 1, 2_654_435_761) ^ (seed * 40_503);
  return Buffer.from(words.buffer, 0, length);
}

const digest = (bytes: Buffer): string => createHash('sha1').update(bytes).digest('hex');

/** `/length?seed=1&bytes=2`, `/chunked?…`, `/close?…`; in pieces of `piece` bytes. */
async function startOrigin(): Promise<Origin> {
  return Origin.start((request, response) => {
    const { pathname, searchParams } = new URL(request.url!, 'http://a');
    const body = bytesOf(Number(searchParams.get('seed')), Number(searchParams.get('bytes')));
    const piece = Number(searchParams.get('piece'));
    response.writeHead(200, {
      'content-type': 'application/octet-stream',
      ...(pathname === '/length' && { 'content-length': body.length }),
      ...(pathname === '/close' && { connection: 'close' }),
    });
    let at = 0;
    const more = (): void => {
      while (at < body.length) {
        const next = body.subarray(at, (at += piece));
        if (!response.write(next)) return void response.once('drain', more);
      }
      response.end();
    };
    more();
  });
}

let origin: Origin;
let straight: Site;
let through: Site;

const folder = mkdtempSync(join(tmpdir(), 'spillway-streams-'));
const tls = { key: join(folder, 'key'), cert: join(folder, 'cert') };

before(async () => {
  const certificate = '-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost'.split(' ');
  execFileSync('openssl', ['req', ...certificate, '-keyout', tls.key, '-out', tls.cert], { stdio: 'ignore' });
  origin = await startOrigin();
  // Fewer connections than clients: each is used by one after the other.
  straight = await startSite([origin.url], { upstream: { maxConnections: 6 } });
  through = await startSite([origin.url], { upstream: { maxConnections: 6 }, httpServerOnly: true });
});
after(async () => {
  await straight.stop();
  await through.stop();
  await origin.kill();
  rmSync(folder, { recursive: true });
});

function lentBuffers(site: Site): number {
  const family = site.metrics.snapshot().families.find(({ name }) => name === 'spillway_http_lent_buffers')!;
  return family.series[0]!.value!;
}

interface Asked {
  readonly path: string;
  readonly seed: number;
  readonly bytes: number;
}

function anyAnswer(random: Random, seed: number): Asked {
  const bytes = randomInt(random, LARGEST);
  const kind = ['length', 'chunked', 'close'][randomInt(random, 3)];
  const piece = [5_000, 40_000, 300_000, LARGEST][randomInt(random, 4)];
  return { path: `/${kind}?seed=${seed}&bytes=${bytes}&piece=${piece}`, seed, bytes };
}

/** Reads an answer, half of them slowly, and holds it against what was asked for. */
async function check(answer: AsyncIterable<Buffer>, { path, seed, bytes }: Asked, random: Random): Promise<void> {
  const hash = createHash('sha1');
  const slow = random.next() < 0.5;
  let length = 0;
  for await (const chunk of answer) {
    hash.update(chunk);
    length += chunk.length;
    for (let i = slow ? randomInt(random, 6) : 0; i > 0; i--) await turn();
  }
  assert.equal(length, bytes, path);
  assert.equal(hash.digest('hex'), digest(bytesOf(seed, bytes)), path);
}

/** One client that asks for one answer after another on its connection. */
async function client(site: Site, id: number): Promise<void> {
  const random = seededRandom(id);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  try {
    for (let round = 0; round < 3; round++) {
      const asked = anyAnswer(random, id * 100 + round);
      const request = httpRequest({ port: site.port, host: '127.0.0.1', path: asked.path, agent });
      request.end();
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      await check(response, asked, random);
    }
  } finally {
    agent.destroy();
  }
}

describe('large answers', () => {
  for (const way of ['straight', 'through'] as const) {
    test(`${way}: clients at many paces get every byte of theirs, and none of others`, async () => {
      const site = way === 'straight' ? straight : through;
      await Promise.all(Array.from({ length: 14 }, (_, id) => client(site, id + 1)));
      await eventually('all buffers are given back', () => lentBuffers(site) === 0);
    });

    test(`${way}: clients that go away leave no buffer in use`, async () => {
      const site = way === 'straight' ? straight : through;
      const sockets = Array.from({ length: 6 }, (_, seed) => {
        const socket = connect(site.port, '127.0.0.1');
        socket.pause();
        socket.on('error', () => {});
        socket.write(`GET /length?seed=${seed}&bytes=30000000&piece=300000 HTTP/1.1\r\nHost: a\r\n\r\n`);
        return socket;
      });
      await eventually('their answers are held back', () => lentBuffers(site) === 6);
      for (const socket of sockets) socket.destroy();
      await eventually('all buffers are given back', () => lentBuffers(site) === 0);
    });
  }

  test('HTTP/1.1 over TLS: clients that read, and some that go away', async () => {
    const site = await startSite([origin.url], { gateway: { listen: { tls } } as never });
    const leaving = Array.from({ length: 4 }, (_, seed) => {
      const socket = connectTls({ port: site.port, rejectUnauthorized: false });
      socket.on('error', () => {});
      socket.write(`GET /length?seed=${seed}&bytes=30000000&piece=300000 HTTP/1.1\r\nHost: a\r\n\r\n`);
      return socket.pause();
    });
    await eventually('their answers are held back', () => lentBuffers(site) === 4);
    const random = seededRandom(4);
    const asked = anyAnswer(random, 4);
    const request = httpsRequest({ port: site.port, path: asked.path, rejectUnauthorized: false }).end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    await check(response, asked, random);
    for (const socket of leaving) socket.destroy();
    await eventually('all buffers are given back', () => lentBuffers(site) === 0);
    await site.stop();
  });

  test('HTTP/2 over TLS: streams side by side, and some that are given up', async () => {
    const site = await startSite([origin.url], { gateway: { listen: { tls } } as never });
    const session = connectH2(site.gateway.address, { rejectUnauthorized: false });
    const random = seededRandom(3);
    const wanted = Array.from({ length: 8 }, async (_, id) => {
      const asked = anyAnswer(random, id);
      await check(session.request({ ':path': asked.path }), asked, random);
    });
    const givenUp = Array.from({ length: 4 }, async (_, seed) => {
      const stream = session.request({ ':path': `/length?seed=${seed}&bytes=30000000&piece=300000` });
      await once(stream, 'response');
      stream.close();
      await once(stream, 'close');
    });
    await Promise.all([...wanted, ...givenUp]);
    await eventually('all buffers are given back', () => lentBuffers(site) === 0);
    session.destroy();
    await site.stop();
  });

  test('an answer that is whole while its client still reads: the connection carries the next one meanwhile', async () => {
    const site = await startSite([origin.url], { upstream: { maxConnections: 1 } });
    const patient = connect(site.port, '127.0.0.1');
    patient.pause();
    patient.write(`GET /length?seed=7&bytes=${LARGEST}&piece=${LARGEST} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await eventually('the answer begins', () => patient.bytesRead > 0 || lentBuffers(site) === 1);
    const hurried = Promise.all(
      [8, 9].map(async (seed) => {
        const answer = await fetch(`${site.gateway.address}/length?seed=${seed}&bytes=3000000&piece=3000000`);
        return digest(Buffer.from(await answer.arrayBuffer()));
      }),
    );
    let taken = Buffer.alloc(0);
    const pieces: Buffer[] = [];
    let length = 0;
    patient.on('data', (chunk: Buffer) => {
      pieces.push(chunk);
      length += chunk.length;
      patient.pause();
      setImmediate(() => patient.resume());
      if (taken.length === 0 && length > 4096) taken = Buffer.concat(pieces);
    });
    patient.resume();
    assert.deepEqual(
      await hurried,
      [8, 9].map((seed) => digest(bytesOf(seed, 3_000_000))),
    );
    const head = taken.indexOf('\r\n\r\n') + 4;
    await eventually('all has come', () => length === head + LARGEST);
    assert.equal(digest(Buffer.concat(pieces).subarray(head)), digest(bytesOf(7, LARGEST)));
    patient.destroy();
    await eventually('all buffers are given back', () => lentBuffers(site) === 0);
    await site.stop();
  });
});
