import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { setInterval as ticks } from 'node:timers/promises';

export interface FleetMember {
  readonly port: number;
  readonly process: ChildProcess;
}

export interface Served {
  readonly status: number;
  readonly text: string;
  readonly cacheStatus: string;
}

/** Gateways in processes of their own, on one Redis and before one origin, under one public name. */
export class GatewayFleet {
  readonly members: readonly FleetMember[];
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });
  #asked = 0;

  private constructor(members: readonly FleetMember[]) {
    this.members = members;
  }

  static async start(size: number, redis: string, prefix: string, origin: string, revalidateMs: number): Promise<GatewayFleet> {
    const args = [redis, prefix, origin, String(revalidateMs)];
    return new GatewayFleet(await Promise.all(Array.from({ length: size }, () => startMember(args))));
  }

  /** Asks the members in turn. Rejects when the connection breaks. */
  get(path: string, member = this.members[this.#asked++ % this.members.length]!): Promise<Served> {
    return new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port: member.port, path, agent: this.#agent, headers: { host: 'site.test' } };
      const sent = httpRequest(options, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({ status: response.statusCode!, text, cacheStatus: String(response.headers['cache-status']) }),
        );
      });
      sent.on('error', reject);
      sent.end();
    });
  }

  /** Asks for `path` at a steady rate, whether answers come or not; resolves with all of them. */
  async load(path: string, perSecond: number, forMs: number): Promise<Served[]> {
    const asked: Promise<Served>[] = [];
    const startedMs = performance.now();
    for await (const _ of ticks(10)) {
      const elapsedMs = Math.min(performance.now() - startedMs, forMs);
      while (asked.length < (elapsedMs / 1000) * perSecond) asked.push(this.get(path));
      if (elapsedMs >= forMs) break;
    }
    return Promise.all(asked);
  }

  stop(): void {
    this.#agent.destroy();
    for (const { process: child } of this.members) child.kill('SIGKILL');
  }
}

async function startMember(args: readonly string[]): Promise<FleetMember> {
  const child = fork(join(import.meta.dirname, 'lone-gateway.ts'), args, { execArgv: ['--conditions=source'] });
  const ended = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`a gateway ended before it listened: ${code ?? signal}`);
  });
  const [port] = (await Promise.race([once(child, 'message'), ended])) as [number];
  ended.catch(() => undefined);
  return { port, process: child };
}
