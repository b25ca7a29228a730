/** A Fastify server whose every answer takes 3 ms of CPU, with one way of refusing work or none. */
import { createRequire } from 'node:module';
import { createShedder, shedRefusalOf } from '../../src/shed/index.ts';

const require = createRequire(import.meta.url);

interface Reply {
  code(status: number): Reply;
  headers(fields: Record<string, string>): Reply;
  send(body: string): Reply;
}

interface App {
  register(plugin: unknown, options?: object): Promise<void>;
  addHook(name: 'onRequest', hook: (request: { raw: { url: string } }, reply: Reply, done: () => void) => void): void;
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
  const shedder = createShedder();
  app.addHook('onRequest', (request, reply, done) => {
    const isCritical = request.raw.url === '/critical';
    const admission = shedder.admit({
      priority: isCritical ? 'critical' : 'normal',
      className: isCritical ? 'critical' : 'normal',
    });
    if (admission.admitted) return done();
    const { status, headers, body } = shedRefusalOf(admission);
    reply.code(status).headers(Object.fromEntries(headers)).send(body);
  });
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
