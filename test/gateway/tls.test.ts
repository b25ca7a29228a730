import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync, utimesSync } from 'node:fs';
import { connect as connectH2, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { SimulatedClock } from '../../src/kernel/index.ts';
import { bodyOf, Origin, startSite, type Site } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'spillway-tls-'));
const file = (name: string): string => join(folder, name);
let origin: Origin;
let site: Site;

function makeCertificate(name: string): void {
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '1',
      '-subj',
      `/CN=${name}`,
    ].concat(['-keyout', file(`${name}.key`), '-out', file(`${name}.crt`), '-addext', 'subjectAltName=IP:127.0.0.1']),
    { stdio: 'ignore' },
  );
}

const tls = (): { cert: string; key: string } => ({ cert: file('live.crt'), key: file('live.key') });
function install(name: string): void {
  copyFileSync(file(`${name}.crt`), file('live.crt'));
  copyFileSync(file(`${name}.key`), file('live.key'));
}

before(async () => {
  makeCertificate('first');
  makeCertificate('second');
  install('first');
  origin = await Origin.start(async (message, response) => {
    const body = await bodyOf(message);
    response.writeHead(200, [
      'set-cookie',
      'a=1',
      'set-cookie',
      'b=2',
      'x-proto',
      message.headers['x-forwarded-proto'] as string,
    ]);
    response.end(`${message.method} ${message.url} ${message.headers.host === undefined ? '' : 'host'} ${body}`);
  });
  site = await startSite([origin.url], { gateway: { listen: { tls: tls() } } as never });
});
after(async () => {
  await site.stop();
  await origin.kill();
  rmSync(folder, { recursive: true });
});

async function overH2(session: ClientHttp2Session, headers: Record<string, string>, body?: string) {
  const stream = session.request(headers, { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
  const [answer] = (await once(stream, 'response')) as [IncomingHttpHeaders];
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return { answer, text };
}

describe('TLS', () => {
  test('HTTP/2: requests side by side, bodies, repeated fields', async () => {
    const session = connectH2(site.gateway.address, { rejectUnauthorized: false });
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        overH2(session, { ':path': `/${n}`, ':method': n % 2 ? 'POST' : 'GET' }, n % 2 ? `body ${n}` : undefined),
      ),
    );
    answers.forEach(({ answer, text }, n) => {
      assert.equal(answer[':status'], 200);
      assert.equal(text, n % 2 ? `POST /${n} host body ${n}` : `GET /${n} host `);
      assert.deepEqual(answer['set-cookie'], ['a=1', 'b=2']);
      assert.equal(answer['x-proto'], 'https');
    });
    session.close();
  });

  test('HTTP/1.1 for clients that want it', async () => {
    const message = request(`${site.gateway.address}/one`, { rejectUnauthorized: false });
    message.end();
    const [response] = await once(message, 'response');
    assert.equal(await bodyOf(response), 'GET /one host ');
  });

  test('what HTTP/1.1 would read in another way does not get through HTTP/2', async () => {
    const session = connectH2(site.gateway.address, { rejectUnauthorized: false });
    session.on('error', () => {});
    // The protocol's own library refuses some of them before they become a request.
    const refused = async (headers: Record<string, string>): Promise<boolean> =>
      overH2(session, headers).then(
        ({ answer }) => Number(answer[':status']) === 400,
        (error: { code?: string }) => error.code === 'ERR_HTTP2_STREAM_ERROR',
      );
    const before = origin.requests;
    assert.ok(await refused({ ':path': '/', ':authority': 'a', host: 'evil' }));
    assert.ok(await refused({ ':path': '/a b', ':authority': 'a' }));
    assert.ok(await refused({ ':path': '/%0d%0aHost:%20evil', ':authority': 'a' }));
    assert.ok(await refused({ ':path': '/', ':authority': 'a/b' }));
    assert.equal(origin.requests, before);
    assert.equal(await refused({ ':path': '/', ':authority': 'a' }), false);
    session.close();
  });

  test('draining sends GOAWAY, finishes what is under way and ends', async () => {
    const other = await startSite([origin.url], { gateway: { listen: { tls: tls() } } as never });
    const session = connectH2(other.gateway.address, { rejectUnauthorized: false });
    const pending = overH2(session, { ':path': '/' });
    await once(session, 'connect');
    const goaway = once(session, 'goaway');
    const { text } = await pending;
    const drained = other.gateway.drain(new AbortController().signal);
    await goaway;
    await drained;
    assert.equal(text, 'GET / host ');
    await other.stop();
  });

  test('a renewed certificate is taken into use', async () => {
    const clock = new SimulatedClock();
    const other = await startSite([origin.url], { gateway: { listen: { tls: tls() } } as never, runtime: { clock } });
    const commonName = async (): Promise<string> => {
      const socket = connectTls({ port: other.port, host: '127.0.0.1', rejectUnauthorized: false });
      await once(socket, 'secureConnect');
      const { subject } = socket.getPeerCertificate();
      socket.destroy();
      return String(subject.CN);
    };
    assert.equal(await commonName(), 'first');
    install('second');
    utimesSync(file('live.crt'), new Date(), new Date(Date.now() + 5000));
    await clock.advance(10_000);
    assert.equal(await commonName(), 'second');
    await other.stop();
    install('first');
  });

  test('a file that is not there is named', async () => {
    await assert.rejects(
      startSite([origin.url], { gateway: { listen: { tls: { cert: '/nowhere.crt', key: '/nowhere.key' } } } as never }),
      {
        code: 'SPILLWAY_CERTIFICATE_UNREADABLE',
        message: /nowhere\.crt/,
      },
    );
  });
});
