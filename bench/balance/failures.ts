/** Five endpoints behind a gateway under load; something happens to one of them, and later it is well again. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import type { EndpointStatus } from '../../src/balance/index.ts';
import { createGateway, createProxy } from '../../src/gateway/index.ts';
import { createPolicy } from '../../src/policy/index.ts';
import { freePort } from '../harness/index.ts';

export type Fault = 'killed' | 'frozen' | 'fails fast';

export interface FaultOutcome {
  readonly requests: number;
  /** Requests answered with anything but 200, or not at all, from the fault until its end. */
  readonly failed: number;
  /** Share of the requests that went to the endpoint in the fault's first second, and after it. */
  readonly shareAtFirst: number;
  readonly shareAfter: number;
  /** The same in the second after it was found to be well, and once it had its full share again. */
  readonly shareOnReturn: number;
  readonly shareInTheEnd: number;
  /** From the end of the fault until the endpoint was given a request again, s. */
  readonly secondsToReturn: number;
}

interface Times {
  /** How long the fault lasts, ms; at least 2,000. */
  readonly faultMs: number;
  /** How long an endpoint that comes back takes to its full share, ms. */
  readonly slowStartMs: number;
}

const ENDPOINTS = 5;
const CLIENTS = 40;

export async function failOneOfFive(fault: Fault, { faultMs, slowStartMs }: Times): Promise<FaultOutcome> {
  const ports = await Promise.all(Array.from({ length: ENDPOINTS }, freePort));
  const origins = await Promise.all(ports.map(startOrigin));
  const upstreams = {
    site: {
      endpoints: ports.map((port) => `http://127.0.0.1:${port}`),
      attemptTimeout: '1s',
      health: { interval: '500ms', timeout: '500ms' },
      outliers: { ejection: '2s' },
      slowStart: `${slowStartMs}ms`,
    },
  };
  const policy = createPolicy({ upstreams, routes: { '/**': { class: 'api', cache: false } } });
  const proxy = createProxy({ upstreams });
  const gateway = createGateway({
    listen: { port: 0 },
    match: (method, path) => policy.match(method, path),
    handle: (exchange) => proxy.pass(exchange),
  });
  await gateway.start();
  const balancer = proxy.balancers.get('site')!;
  const victim = (): EndpointStatus => balancer.status()[0]!;
  const load = startLoad(gateway.address);
  const shareDuring = async (ms: number): Promise<number> => {
    const before = balancer.status();
    await pause(ms);
    const picks = balancer.status().map((endpoint, at) => endpoint.picks - before[at]!.picks);
    return picks[0]! / picks.reduce((sum, one) => sum + one, 0);
  };
  try {
    await pause(1000);
    const before = { ...load.counts };
    await inflict(fault, origins);
    const shareAtFirst = await shareDuring(1000);
    const shareAfter = await shareDuring(faultMs - 1000);
    const picks = victim().picks;
    await heal(fault, origins, ports[0]!);
    const healedMs = performance.now();
    // Questions of its health are no picks: the first one says that it is used again.
    while (victim().picks === picks || victim().state !== 'up') await pause(20);
    const secondsToReturn = (performance.now() - healedMs) / 1000;
    const shareOnReturn = await shareDuring(1000);
    await pause(slowStartMs);
    const shareInTheEnd = await shareDuring(1000);
    return {
      requests: load.counts.requests - before.requests,
      failed: load.counts.failed - before.failed,
      shareAtFirst,
      shareAfter,
      shareOnReturn,
      shareInTheEnd,
      secondsToReturn,
    };
  } finally {
    await load.stop();
    await gateway.stop();
    await proxy.stop();
    for (const origin of origins) origin.kill('SIGKILL');
  }
}

async function startOrigin(port: number): Promise<ChildProcess> {
  const child = fork(join(import.meta.dirname, 'failing-origin.ts'), [String(port)]);
  await once(child, 'message');
  return child;
}

async function inflict(fault: Fault, [victim]: readonly ChildProcess[]): Promise<void> {
  if (fault === 'fails fast') victim!.send('fail');
  else victim!.kill(fault === 'killed' ? 'SIGKILL' : 'SIGSTOP');
  if (fault === 'killed') await once(victim!, 'exit');
}

async function heal(fault: Fault, origins: ChildProcess[], port: number): Promise<void> {
  if (fault === 'fails fast') origins[0]!.send('heal');
  else if (fault === 'frozen') origins[0]!.kill('SIGCONT');
  else origins[0] = await startOrigin(port);
}

interface Load {
  readonly counts: { requests: number; failed: number };
  stop(): Promise<void>;
}

/** Clients that ask again as soon as they are answered. */
function startLoad(url: string): Load {
  const counts = { requests: 0, failed: 0 };
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  const state = { over: false };
  const clients = Array.from({ length: CLIENTS }, async () => {
    while (!state.over) {
      const fine = await ask(url, agent);
      counts.requests++;
      if (!fine) counts.failed++;
    }
  });
  return {
    counts,
    stop: async () => {
      state.over = true;
      await Promise.all(clients);
      agent.destroy();
    },
  };
}

function ask(url: string, agent: Agent): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get(url, { agent }, (response) => {
      response.resume().on('close', () => resolve(response.statusCode === 200 && response.complete));
    });
    request.on('error', () => resolve(false));
  });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
