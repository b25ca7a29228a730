/** Load over TLS, against servers with a certificate of their own: HTTP/1.1, HTTP/2 and WebSockets. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { WebSocketServer } from 'ws';
import { constant, defineLoad, runLoad } from '../../src/load/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'spillway-load-tls-'));
const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
const target = (server: { address(): AddressInfo | string | null }): string =>
  `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
const forASecond = constant('50/s').for('1s');
let https: Server;

before(async () => {
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1', '-subj', '/CN=load'];
  const files = ['-keyout', keyFile, '-out', certFile, '-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync('openssl', ['req', '-x509', ...ec, ...files], { stdio: 'ignore' });
  https = createServer({ key: readFileSync(keyFile), cert: readFileSync(certFile) }, (_, response) => response.end('hello'));
  const sockets = new WebSocketServer({ server: https, path: '/live' });
  sockets.on('connection', (client) => client.on('message', (data, isBinary) => client.send(data, { binary: isBinary })));
  await once(https.listen(0, '127.0.0.1'), 'listening');
});
after(() => {
  https.closeAllConnections();
  https.close();
  rmSync(folder, { recursive: true });
});

test('HTTP/1.1 over TLS, where any certificate will do', async () => {
  const report = await runLoad(defineLoad({ target: target(https), arrival: forASecond }), { verifyCertificate: false });
  assert.deepEqual([report.completed, report.failed, report.errors], [50, 0, {}]);
});

test('a certificate nobody vouches for is an error of kind connect', async () => {
  const report = await runLoad(defineLoad({ target: target(https), arrival: forASecond }), { timeout: '5s' });
  assert.equal(report.completed, 0);
  assert.deepEqual(Object.keys(report.errors), ['connect']);
});

test('HTTP/2 over TLS', async () => {
  const server = createSecureServer({ key: readFileSync(keyFile), cert: readFileSync(certFile) });
  server.on('stream', (stream) => stream.respond({ ':status': 200 }, { endStream: true }));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const load = defineLoad({ target: target(server), arrival: forASecond });
  const report = await runLoad(load, { http2: true, verifyCertificate: false });
  server.close();
  assert.deepEqual([report.completed, report.failed, report.errors], [50, 0, {}]);
});

test('WebSockets over TLS', async () => {
  const sockets = { path: '/live', count: 5, ramp: '200ms', fanOut: 1 } as const;
  const load = defineLoad({ target: target(https), arrival: forASecond, sockets });
  const report = await runLoad(load, { verifyCertificate: false });
  assert.equal(report.requests['connect']!.completed, 5);
  assert.equal(report.requests['delivery']!.completed, 50);
  assert.deepEqual(report.errors, {});
});
