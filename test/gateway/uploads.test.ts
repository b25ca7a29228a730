/** Large bodies, whose memory is freed as soon as they are sent: an endpoint gets every byte, and nobody loses one he holds. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest, Agent, type IncomingMessage, type RequestOptions } from 'node:http';
import { Agent as TlsAgent, request as httpsRequest } from 'node:https';
import { after, before, describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Exchange } from '../../src/ports/index.ts';
import { randomInt, seededRandom } from '../../src/kernel/index.ts';
import { eventually } from '../servers/index.ts';
import { bodyOf, Origin, ownCertificate, startSite, type Site } from './support.ts';

const LARGEST = 4_000_000;

/** Bytes that depend on where they stand and on whose they are. */
function bytesOf(seed: number, length: number): Buffer {
  const words = new Uint32Array(Math.ceil(length / 4));
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(i + 1, 2_654_435_761) ^ (seed * 40_503);
  return Buffer.from(words.buffer, 0, length);
}

const digest = (bytes: Buffer): string => createHash('sha1').update(bytes).digest('hex');

/** Answers a body's digest; takes so many turns of its loop over each piece as the path says. */
async function takeIn(request: IncomingMessage): Promise<string> {
  if (request.url === '/held') await held;
  const hash = createHash('sha1');
  for await (const chunk of request) {
    hash.update(chunk as Buffer);
    for (let i = Number(request.url!.slice(1)); i > 0; i--) await turn();
  }
  return hash.digest('hex');
}

let origin: Origin;
let release!: () => void;
const held = new Promise<void>((resolve) => (release = resolve));
before(async () => {
  origin = await Origin.start((request, response) => void takeIn(request).then((text) => response.end(text)));
});
after(() => origin.kill());

async function upload(options: RequestOptions, body: Buffer, announced: boolean): Promise<string> {
  const ask = options.protocol === 'https:' ? httpsRequest : httpRequest;
  const headers = announced ? { 'content-length': body.length } : {};
  const request = ask({ host: '127.0.0.1', method: 'POST', headers, ...options });
  if (announced) request.end(body);
  else for (let at = 0; at <= body.length; at += 300_000) request.write(body.subarray(at, at + 300_000));
  request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return bodyOf(response);
}

/** Clients side by side, each with one body after another on its connection. */
async function uploadMany(site: Site): Promise<void> {
  const isSecure = site.gateway.address.startsWith('https:');
  const client = async (id: number): Promise<void> => {
    const random = seededRandom(id);
    const agent = new (isSecure ? TlsAgent : Agent)({ keepAlive: true, maxSockets: 1 });
    for (let round = 0; round < 3; round++) {
      const body = bytesOf(id * 100 + round, 1 + randomInt(random, LARGEST));
      const path = `/${[0, 1, 6][randomInt(random, 3)]}`;
      const to = { port: site.port, path, agent, protocol: isSecure ? 'https:' : 'http:', rejectUnauthorized: false };
      assert.equal(await upload(to, body, random.next() < 0.7), digest(body), path);
    }
    agent.destroy();
  };
  await Promise.all(Array.from({ length: 10 }, (_, id) => client(id + 1)));
}

/** A site whose proxy shares the request with someone who looks at it before or after. */
async function siteWith(look: (exchange: Exchange, pass: () => void) => void): Promise<Site> {
  const site: Site = await startSite([origin.url], {
    route: { timeoutMs: 60_000 },
    gateway: { handle: (exchange) => look(exchange, () => site.proxy.pass(exchange)) },
  });
  return site;
}

describe('large bodies', () => {
  test('endpoints at many paces get every byte', async (t) => {
    const site = await startSite([origin.url], { upstream: { maxConnections: 6 } });
    t.after(() => site.stop());
    await uploadMany(site);
  });

  test('over TLS, too', async (t) => {
    const { tls, remove } = ownCertificate();
    t.after(remove);
    const site = await startSite([origin.url], { gateway: { listen: { tls } } as never });
    t.after(() => site.stop());
    await uploadMany(site);
  });

  test('what an endpoint has not taken yet is not freed', async (t) => {
    const waiting: IncomingMessage[] = [];
    const site = await siteWith(({ request, path }, pass) => {
      if (path === '/held') waiting.push(request);
      pass();
    });
    t.after(() => site.stop());
    const to = { port: site.port, path: '/held' };
    const bodies = Array.from({ length: 4 }, (_, id) => bytesOf(id, 2 * LARGEST));
    const answers = Promise.all(bodies.map((body, id) => upload(to, body, id % 2 === 0)));
    await eventually('the bodies wait', () => waiting.length === 4 && waiting.every((request) => request.isPaused()));
    // These get the memory of what is freed.
    await uploadMany(site);
    release();
    assert.deepEqual(await answers, bodies.map(digest));
  });

  for (const announced of [true, false]) {
    test(`what was sent is freed, ${announced ? 'its length announced' : 'in chunks'}`, async (t) => {
      const pieces: Buffer[] = [];
      const site = await siteWith(({ request }, pass) => {
        const push = request.push.bind(request);
        request.push = (piece: Buffer | null) => {
          if (piece) pieces.push(piece);
          return push(piece);
        };
        pass();
      });
      t.after(() => site.stop());
      const body = bytesOf(1, LARGEST);
      assert.equal(await upload({ port: site.port, path: '/1' }, body, announced), digest(body));
      await eventually('all large pieces are freed', () =>
        pieces.every(({ length, buffer }) => length < 16_384 || length < buffer.byteLength),
      );
      assert.ok(pieces.some(({ length }) => length === 0));
    });
  }

  for (const when of ['before', 'after'] as const) {
    test(`who listens to a body from ${when} its sending on keeps what it heard`, async (t) => {
      const kept: Buffer[] = [];
      const site = await siteWith(({ request, method }, pass) => {
        // With a connection that is there already, the sending begins at once.
        if (method === 'PUT') return pass();
        const listen = (): void => void request.on('data', (piece: Buffer) => kept.push(piece));
        if (when === 'before') listen();
        pass();
        if (when === 'after') listen();
      });
      t.after(() => site.stop());
      const body = bytesOf(2, LARGEST);
      await upload({ port: site.port, path: '/0', method: 'PUT' }, body, true);
      assert.equal(await upload({ port: site.port, path: '/0' }, body, true), digest(body));
      assert.equal(digest(Buffer.concat(kept)), digest(body));
    });
  }
});
