import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** What the applications ask while they render: it answers how often it was asked for the same, slowly enough to overlap. */
export interface CountingOrigin {
  readonly url: string;
  count(path: string): number;
  /** The shortest time between two askings of `path`, in ms. */
  shortestGapMs(path: string): number;
  stop(): Promise<void>;
}

export async function startCountingOrigin(): Promise<CountingOrigin> {
  const asked = new Map<string, number[]>();
  const server = createServer((request, response) => {
    const times = asked.get(request.url!) ?? [];
    times.push(performance.now());
    asked.set(request.url!, times);
    const count = String(times.length);
    void delay(100).then(() => response.end(count));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    count: (path) => asked.get(path)?.length ?? 0,
    shortestGapMs: (path) => {
      const times = asked.get(path) ?? [];
      return Math.min(...times.slice(1).map((time, at) => time - times[at]!));
    },
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
