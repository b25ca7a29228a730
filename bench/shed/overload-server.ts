/** A Fastify server whose every answer takes 3 ms of CPU, with one way of refusing work or none. */
import type { Server } from 'node:http';
import { createRequire } from 'node:module';
import { createShedder, shedAtServer } from '../../src/shed/index.ts';

const require = createRequire(import.meta.url);

interface App {
  readonly server: Server;
  register(plugin: unknown, options?: object): Promise<void>;
  get(path: string, handler: () => string): void;
  listen(options: object): Promise<string>;
}

const [contender, loops] = process.argv.slice(2) as [string, string];
const app = (require('fastify') as () => App)();

const UNDER_PRESSURE: Record<string, object> = {
  'under-pressure, 1 s': { maxEventLoopDelay: 100, sampleInterval: 1000 },
  'under-pressure, 100 ms': { maxEventLoopDelay: 50, sampleInterval: 100 },
  'under-pressure, 20 ms': { maxEventLoopDelay: 20, sampleInterval: 20 },
};

if (contender === 'spillway') {
  shedAtServer(app.server, createShedder(), ({ url }) =>
    url === '/critical' ? { priority: 'critical', className: 'critical' } : { priority: 'normal', className: 'normal' },
  );
} else if (contender in UNDER_PRESSURE) {
  await app.register(require('@fastify/under-pressure'), UNDER_PRESSURE[contender]);
}

/** The same work each time, so that a busy machine makes it longer for everyone. */
function work(times: number): number {
  let x = 1;
  for (let i = 0; i < times; i++) x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d) + i;
  return x;
}

const answer = (): string => String(work(Number(loops)));
app.get('/critical', answer);
app.get('/normal', answer);
const url = await app.listen({ port: 0, host: '127.0.0.1' });
process.send!({ url });
