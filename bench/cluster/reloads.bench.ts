/** Requests lost while every worker is replaced, again and again. */
import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { createCluster, type Cluster } from '../../src/cluster/index.ts';
import type { Findings, Study } from '../harness/index.ts';

const RELOADS = 20;
const CLIENTS = 16;
const SOCKETS = 8;

interface Tally {
  requests: number;
  failed: number;
  readonly reasons: Set<string>;
}

async function study(): Promise<Findings> {
  const cluster = createCluster({
    entry: { file: join(import.meta.dirname, 'reload-worker.ts') },
    workers: 2,
    sockets: { http: { port: 0 } },
    drainTimeout: '20s',
  });
  await cluster.start();
  const state = { over: false };
  const [fresh, kept, messages]: Tally[] = [0, 1, 2].map(() => ({ requests: 0, failed: 0, reasons: new Set<string>() }));
  const closes = new Map<number, number>();
  const clients = [
    ...Array.from({ length: CLIENTS }, (_, n) => ask(cluster, n % 2 === 0 ? fresh! : kept!, n % 2 === 1, state)),
    ...Array.from({ length: SOCKETS }, () => talk(cluster, messages!, closes, state)),
  ];
  for (let reload = 0; reload < RELOADS; reload++) await cluster.reload();
  state.over = true;
  await Promise.all(clients);
  await cluster.stop();
  for (const { reasons } of [fresh!, kept!, messages!]) for (const reason of reasons) console.error(reason);
  const codes = [...closes].map(([code, times]) => `${code} × ${times}`).join(', ');
  return {
    bench: 'cluster/reloads',
    title: 'Cluster: rolling reloads under load',
    what: `${RELOADS} reloads of 2 workers, each a whole gateway: ${CLIENTS / 2} clients that open a connection for each request, ${CLIENTS / 2} that keep theirs, ${SOCKETS} WebSockets that connect again when closed. WebSocket close codes seen: ${codes || 'none'}; 1012 says that the server restarts, 1006 would be a cut connection.`,
    columns: ['', 'requests', 'failed'],
    rows: [
      ['new connection for each request', fresh!.requests, fresh!.failed],
      ['kept connections', kept!.requests, kept!.failed],
      ['WebSockets cut without a close frame', [...closes.values()].reduce((a, b) => a + b, 0), closes.get(1006) ?? 0],
    ],
  };
}

async function ask(cluster: Cluster, tally: Tally, keepAlive: boolean, state: { over: boolean }): Promise<void> {
  const agent = new Agent({ keepAlive, maxSockets: 1 });
  while (!state.over) {
    tally.requests++;
    const path = tally.requests % 3 === 0 ? '/uncached' : '/cached';
    await new Promise<void>((resolve) => {
      const fail = (error: Error): void => {
        tally.failed++;
        tally.reasons.add(error.message);
        resolve();
      };
      const request = get(
        { host: '127.0.0.1', port: cluster.ports['http']!, path, agent: keepAlive ? agent : false },
        (response) => {
          if (response.statusCode !== 200) fail(new Error(`status ${response.statusCode}`));
          response.resume().on('end', resolve).on('error', fail);
        },
      );
      request.on('error', fail);
    });
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  agent.destroy();
}

async function talk(cluster: Cluster, tally: Tally, closes: Map<number, number>, state: { over: boolean }): Promise<void> {
  while (!state.over) {
    const socket = new WebSocket(`ws://127.0.0.1:${cluster.ports['http']}/live`);
    socket.on('error', (error) => tally.reasons.add(`WebSocket: ${error.message}`));
    const timer = setInterval(() => {
      if (state.over) socket.close(1000);
      else if (socket.readyState === WebSocket.OPEN) socket.send('x'.repeat(500));
    }, 10);
    const [code] = (await once(socket, 'close')) as [number];
    clearInterval(timer);
    if (!state.over) closes.set(code, (closes.get(code) ?? 0) + 1);
  }
}

const reloads: Study = { name: 'cluster/reloads', study };
export default reloads;
