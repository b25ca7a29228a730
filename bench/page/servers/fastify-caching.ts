/** Fastify with its own caching plugin: the page comes from the plugin's in-memory store. */
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { body, headers } from './page.ts';

interface Caching {
  cache: {
    get(key: string, done: (error: Error | null, found: { item: Buffer } | null) => void): void;
    set(key: string, value: Buffer, ttlMs: number, done: (error: Error | null) => void): void;
  };
}
interface Reply {
  raw: { socket: unknown };
  headers(values: Record<string, string>): Reply;
  send(payload: Buffer): Reply;
}
interface App extends Caching {
  register(plugin: unknown, options: object): Promise<void>;
  get(path: string, handler: (request: unknown, reply: Reply) => Reply): void;
  listen(options: object): Promise<string>;
  server: { address(): AddressInfo | string | null };
}

const require = createRequire(import.meta.url);
const fastify = require('fastify') as (options: object) => App;
const app = fastify({ logger: false });
await app.register(require('@fastify/caching'), { privacy: 'public', expiresIn: 3600 });
const pairs = Object.fromEntries(headers.flatMap((name, at) => (at % 2 === 0 ? [[name.toLowerCase(), headers[at + 1]!]] : [])));

app.get('/*', (_request, reply) => {
  app.cache.get('/page', (_error, found) => {
    const page = found ? found.item : body;
    if (!found) app.cache.set('/page', body, 3_600_000, () => {});
    reply.headers(pairs).send(page);
  });
  return reply;
});
await app.listen({ port: 0, host: '127.0.0.1' });
process.send!({ url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}` });
process.once('SIGTERM', () => process.exit(0));
