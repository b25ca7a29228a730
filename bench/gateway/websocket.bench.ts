/** CPU of a proxy per WebSocket message echoed through it. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { nginxServer, nodeServer, freePort, spread, type Findings, type RunningServer, type Study } from '../harness/index.ts';

const file = join(import.meta.dirname, 'websocket-servers.ts');
const ROUNDS = 5;
const SLICE_MS = 2000;
const SOCKETS = 50;
const BYTES = 125;

async function measure(): Promise<Findings> {
  const origin = await nodeServer(file, ['echo']);
  const proxies: Record<string, RunningServer> = {
    spillway: await nodeServer(file, ['spillway', origin.url]),
    'http-proxy-3': await nodeServer(file, ['http-proxy-3', origin.url]),
    'bare pipe': await nodeServer(file, ['bare pipe', origin.url]),
    nginx: await nginxProxy(origin.url),
  };
  const names = Object.keys(proxies);
  const perMessage = new Map<string, number[]>(names.map((name) => [name, []]));
  try {
    for (const { pids } of Object.values(proxies)) for (const pid of pids) pin(pid, 0);
    for (const pid of [process.pid, ...origin.pids]) pin(pid, 1);
    for (let round = -1; round < ROUNDS; round++) {
      for (const name of names) {
        const us = await echo(proxies[name]!);
        if (round >= 0) perMessage.get(name)!.push(us);
      }
      names.push(names.shift()!);
    }
  } finally {
    for (const proxy of Object.values(proxies)) await proxy.stop();
    await origin.stop();
  }
  const ours = perMessage.get('spillway')!;
  return {
    bench: 'gateway/websocket',
    title: 'Gateway: a WebSocket message echoed through the proxy',
    what: `CPU of the proxy per message of ${BYTES} bytes to the origin and back, ${SOCKETS} sockets that each wait for their echo; median of ${ROUNDS} alternating rounds. The ratio is spillway ÷ the contender, within each round.`,
    columns: ['', 'CPU µs / message', 'spillway ÷ it'],
    rows: [...perMessage].map(([name, values]) => [
      name,
      spread(values).median,
      spread(values.map((value, round) => ours[round]! / value)).median,
    ]),
  };
}

async function nginxProxy(origin: string): Promise<RunningServer> {
  const port = await freePort();
  return nginxServer(
    port,
    `server { listen 127.0.0.1:${port}; location / { proxy_pass ${origin}; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade;
     proxy_set_header Connection upgrade; } }`,
  );
}

async function echo({ url, pids }: RunningServer): Promise<number> {
  const sockets = await Promise.all(
    Array.from({ length: SOCKETS }, async () => {
      const socket = new WebSocket(url.replace('http', 'ws'), { perMessageDeflate: false });
      await once(socket, 'open');
      return socket;
    }),
  );
  const message = Buffer.alloc(BYTES);
  const state = { messages: 0, over: false };
  const before = cpuMs(pids);
  for (const socket of sockets) {
    socket.on('message', () => {
      state.messages++;
      if (!state.over) socket.send(message);
    });
    socket.send(message);
  }
  await new Promise((resolve) => setTimeout(resolve, SLICE_MS));
  state.over = true;
  const spent = cpuMs(pids) - before;
  for (const socket of sockets) socket.terminate();
  return (spent * 1000) / state.messages;
}

function cpuMs(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    return sum + (Number(fields[11]) + Number(fields[12])) * 10;
  }, 0);
}

function pin(pid: number, core: number): void {
  execFileSync('taskset', ['-a', '-p', '-c', String(core), String(pid)], { stdio: 'ignore' });
}

const study: Study = { name: 'gateway/websocket', study: measure };
export default study;
