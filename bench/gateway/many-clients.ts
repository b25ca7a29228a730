/**
 * `many-clients.ts <url> <connections> <rate> <seconds> <paths as JSON>`: opens that many connections, keeps them all, and
 * sends so many requests a second over them, each in its turn. Latency counts from when a request was due. Tells its
 * parent `{ requests, errors, p50Ms, … }`.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const [url, connections, rate, seconds, paths] = process.argv.slice(2) as [string, string, string, string, string];
const { hostname, port, host } = new URL(url);
const targets = JSON.parse(paths) as string[];
/** How many connections are opened at once: a backlog takes so many. */
const AT_ONCE = 200;
const SLOW_MS = 10_000;

const latencies: number[] = [];
const errors = new Map<string, number>();
let hits = 0;

class Client {
  readonly #socket: Socket;
  #dueMs = 0;
  #waiting = false;
  /** Bytes of the answer still to come; undefined while its head is not complete. */
  #left: number | undefined;
  #head = '';

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('close', () => fail('a connection was closed'));
    socket.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
  }

  ask(path: string, dueMs: number): void {
    if (this.#waiting) return fail(`no answer within ${(Number(connections) / Number(rate)).toFixed(0)} s`);
    this.#waiting = true;
    this.#dueMs = dueMs;
    this.#socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: many-clients\r\nAccept-Encoding: gzip\r\n\r\n`);
  }

  end(): void {
    this.#socket.removeAllListeners('close').destroy();
  }

  #read(chunk: Buffer): void {
    if (this.#left !== undefined) return this.#take(chunk.length);
    this.#head += chunk.toString('latin1');
    const end = this.#head.indexOf('\r\n\r\n');
    if (end === -1) return;
    const head = this.#head.slice(0, end);
    const body = this.#head.length - end - 4;
    this.#head = '';
    if (!head.startsWith('HTTP/1.1 200')) fail(head.slice(0, 12));
    if (/\ncache-status:[^\n]*\bhit\b/i.test(head)) hits++;
    this.#left = Number(/\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
    this.#take(body);
  }

  #take(bytes: number): void {
    this.#left! -= bytes;
    if (this.#left! > 0) return;
    this.#left = undefined;
    this.#waiting = false;
    latencies.push(performance.now() - this.#dueMs);
  }
}

function fail(reason: string): void {
  errors.set(reason, (errors.get(reason) ?? 0) + 1);
}

const clients: Client[] = [];
while (clients.length < Number(connections)) {
  const sockets = Array.from({ length: Math.min(AT_ONCE, Number(connections) - clients.length) }, () =>
    connect({ port: Number(port), host: hostname }),
  );
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  clients.push(...sockets.map((socket) => new Client(socket)));
  // The first requests follow at once: a connection nobody speaks on is not kept for long.
  for (const client of clients.slice(-sockets.length)) client.ask(targets[0]!, performance.now());
}
while (latencies.length < clients.length && errors.size === 0) await pause(50);
latencies.length = hits = 0;
process.send!('open');
await once(process, 'message');

const startMs = performance.now();
const gapMs = 1000 / Number(rate);
let sent = 0;
const planned = Number(rate) * Number(seconds);
while (sent < planned) {
  const due = Math.min(planned, Math.floor((performance.now() - startMs) / gapMs) + 1);
  for (; sent < due; sent++) clients[sent % clients.length]!.ask(targets[sent % targets.length]!, startMs + sent * gapMs);
  await pause(1);
}
const patienceMs = performance.now() + SLOW_MS;
while (latencies.length + total(errors) < sent && performance.now() < patienceMs) await pause(20);
const tookMs = performance.now() - startMs;
const unanswered = sent - latencies.length - total(errors);
if (unanswered > 0) errors.set('no answer', unanswered);
for (const client of clients) client.end();
const sorted = latencies.toSorted((a, b) => a - b);
const quantile = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
process.send!({
  requests: latencies.length,
  errors: Object.fromEntries(errors),
  perSecond: (latencies.length * 1000) / tookMs,
  hitRatio: hits / latencies.length,
  p50Ms: quantile(0.5),
  p95Ms: quantile(0.95),
  p99Ms: quantile(0.99),
  maxMs: sorted.at(-1)!,
});
process.disconnect();

function total(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
