/** A worker of the cluster tests: a small HTTP server that can be told to misbehave. */
import { createGateway, sendProblem } from '../../src/gateway/index.ts';
import { joinCluster } from '../../src/cluster/index.ts';
import { systemClock } from '../../src/kernel/index.ts';
import { routeTo } from '../gateway/support.ts';

if (process.env['APP_FAILS'] === 'at start') process.exit(3);

const worker = await joinCluster();
let price = 'none';
worker.bus.subscribe('price', async (message) => {
  await systemClock.sleep(20);
  price = message;
});
worker.answer('price', () => price);
worker.answer('publish', (message) => worker.bus.publish('price', String(message)));
worker.answer('spin', () => {
  for (;;);
});

const route = routeTo(undefined);
const gateway = createGateway({
  match: () => ({ route, params: {} }),
  handle: (exchange) => {
    const guarded = worker.guard.begin(exchange);
    if (guarded.refusedForMs > 0) {
      const seconds = String(Math.ceil(guarded.refusedForMs / 1000));
      return sendProblem(exchange.response, { status: 503, detail: 'Requests like this do harm.' }, ['retry-after', seconds]);
    }
    exchange.response.once('close', () => guarded.end());
    if (exchange.path === '/exit') process.exit(7);
    if (exchange.path === '/throw') return void systemClock.setTimer(() => crash(exchange.query), 1);
    if (exchange.path === '/die') process.kill(process.pid, 'SIGKILL');
    if (exchange.path === '/spin') for (;;);
    const answer = (): void => void exchange.response.end(`${process.pid} ${process.env['APP_VERSION'] ?? '1'}`);
    if (exchange.path === '/slow') systemClock.setTimer(answer, 300);
    else answer();
  },
  handleToListenOn: worker.sockets.get('http')!,
});
worker.onSocket((_, handle) => gateway.listenOn(handle));
function crash(query: string): never {
  throw new Error(`a bug that ${query} brings out`);
}

const ballast: Buffer[] = [];
worker.answer('grow', (bytes) => ballast.push(Buffer.alloc(Number(bytes), 1)));
worker.answer('leak', () => {
  const kept: unknown[] = [];
  for (;;) kept.push(Array.from({ length: 10_000 }, () => ({})));
});
worker.answer('inFlight', () => gateway.inFlight);
await gateway.start();
worker.onDrain((signal) => gateway.drain(signal));
if (process.env['APP_FAILS'] !== 'never ready') worker.ready();
