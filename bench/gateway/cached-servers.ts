/** `cached-servers.ts <name> <bytes> [origin]`: one server that answers GETs with a body of that size, for the bench. */
import { createServer } from 'node:http';
import { createServer as createNetServer, type AddressInfo, type Server } from 'node:net';
import { createPolicy } from '../../src/policy/index.ts';
import { createSpillway } from '../../src/spillway.ts';
import { answerProfileQuestions } from './self-profile.ts';

const [name, bytes, origin] = process.argv.slice(2) as ['raw' | 'bare' | 'spillway', string, string];
const body = Buffer.alloc(Number(bytes), 'spillway ');

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

/** A static buffer, and nothing else: what Node's HTTP server costs by itself. */
async function raw(): Promise<string> {
  const server = createServer((_, response) => {
    response.writeHead(200, fields);
    response.end(body);
  });
  return listening(server);
}

/**
 * The same bytes written whole, for each chunk that ends as a request does: what Node's sockets cost by themselves, and the
 * least a server on them can do. It knows nothing of HTTP.
 */
async function bare(): Promise<string> {
  const pairs = [...fields, 'date', new Date().toUTCString(), 'connection', 'keep-alive', 'keep-alive', 'timeout=5'];
  const lines = pairs.map((text, at) => (at % 2 === 0 ? `${text}: ` : `${text}\r\n`)).join('');
  const answer = Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\n${lines}\r\n`), body]);
  const server = createNetServer({ noDelay: true }, (socket) => {
    socket.on('data', (chunk) => {
      if (chunk.at(-1) === LINE_FEED && chunk.at(-3) === LINE_FEED) socket.write(answer);
    });
    socket.on('error', () => {});
  });
  return listening(server);
}
const LINE_FEED = 10;

async function listening(server: Server): Promise<string> {
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
process.send!({ url: await { raw, bare, spillway }[name]() });
