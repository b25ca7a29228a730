/** `cached-servers.ts <name> <bytes> [origin]`: one server that answers GETs with a body of that size, for the bench. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createPolicy } from '../../src/policy/index.ts';
import { createSpillway } from '../../src/spillway.ts';
import { answerProfileQuestions } from './self-profile.ts';

const [name, bytes, origin] = process.argv.slice(2) as ['raw' | 'spillway', string, string];
const body = Buffer.alloc(Number(bytes), 'spillway ');

/** A static buffer, and nothing else: what Node's HTTP server costs by itself. */
async function raw(): Promise<string> {
  const fields = [
    'content-type',
    'text/html',
    'content-length',
    String(body.length),
    'cache-control',
    'max-age=3600',
    'etag',
    '"a"',
  ];
  const server = createServer((_, response) => {
    response.writeHead(200, fields);
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The whole of Spillway in one process: policy, a limit by address, page cache, metrics by class. */
async function spillway(): Promise<string> {
  const policy = createPolicy({
    listen: { port: 0 },
    upstreams: { site: { endpoints: [origin] } },
    routes: { '/**': { class: 'high', limit: [{ limit: 1_000_000_000, window: '1m', by: 'ip' }] } },
  });
  const whole = createSpillway(policy);
  await whole.start();
  for (let i = 0; i < 3; i++) await (await fetch(whole.address)).arrayBuffer();
  return whole.address;
}

answerProfileQuestions();
process.send!({ url: await { raw, spillway }[name]() });
