/** Open-model load: requests are sent when their time comes, whatever became of those before; latency counts from then. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { seededRandom } from '../../src/kernel/index.ts';

export interface Sample {
  /** When the request was due, ms from the start. */
  readonly dueMs: number;
  readonly critical: boolean;
  /** Ms from when it was due; Infinity: no answer within the time limit. */
  readonly tookMs: number;
  readonly status: number;
}

export interface Phase {
  readonly perSecond: number;
  readonly durationMs: number;
  /** Share of the requests that are critical. */
  readonly criticalShare: number;
}

const GIVE_UP_MS = 1000;
/** Connections that are open before the load begins, as those of browsers or of a proxy are. */
const OPEN_BEFORE = 400;
const MAX_SOCKETS = 1500;

interface Job {
  readonly dueMs: number;
  readonly critical: boolean;
}

/**
 * Runs the phases one after the other and reports every request.
 * @param begins called when the connections are open, before the first request.
 */
export async function openLoad(port: number, phases: readonly Phase[], begins = (): void => {}): Promise<Sample[]> {
  const jobs = schedule(phases);
  const samples: Sample[] = [];
  const idle: Socket[] = [];
  const all = new Set<Socket>();
  for (let i = 0; i < OPEN_BEFORE; i++) {
    const socket = connect(port, '127.0.0.1')
      .setNoDelay(true)
      .on('error', () => {});
    // Once it has an answer the server has accepted it: Node accepts one connection per turn of its loop, so that those
    // that wait to be accepted when the load begins would be what is measured.
    socket.write('GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'data');
    all.add(socket);
    idle.push(socket);
  }
  begins();
  const startMs = performance.now();

  const finish = (job: Job, status: number): void => {
    const tookMs = status === 0 ? Infinity : performance.now() - startMs - job.dueMs;
    samples.push({ ...job, tookMs, status });
  };
  // Who gives up keeps the connection: opening new ones would be the larger part of the load.
  const send = (socket: Socket, job: Job): void => {
    let given = false;
    const timer = setTimeout(() => {
      given = true;
      finish(job, 0);
    }, GIVE_UP_MS);
    socket.once('data', (chunk) => {
      clearTimeout(timer);
      if (!given) finish(job, Number(chunk.toString('latin1', 9, 12)));
      idle.push(socket);
    });
    socket.write(`GET ${job.critical ? '/critical' : '/normal'} HTTP/1.1\r\nHost: x\r\n\r\n`);
  };
  const open = (job: Job): void => {
    if (all.size >= MAX_SOCKETS) return finish(job, 0);
    const socket = connect(port, '127.0.0.1', () => send(socket, job));
    all.add(socket.setNoDelay(true).on('error', () => {}));
  };

  for (let at = 0; at < jobs.length;) {
    const nowMs = performance.now() - startMs;
    for (; at < jobs.length && jobs[at]!.dueMs <= nowMs; at++) {
      const socket = idle.shift();
      if (socket) send(socket, jobs[at]!);
      else open(jobs[at]!);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  while (samples.length < jobs.length) await new Promise((resolve) => setTimeout(resolve, 20));
  for (const socket of all) socket.destroy();
  return samples;
}

function schedule(phases: readonly Phase[]): Job[] {
  const random = seededRandom(1);
  const jobs: Job[] = [];
  let beginsMs = 0;
  for (const { perSecond, durationMs, criticalShare } of phases) {
    for (let dueMs = beginsMs; ;) {
      dueMs += (-Math.log(1 - random.next()) * 1000) / perSecond;
      if (dueMs >= beginsMs + durationMs) break;
      jobs.push({ dueMs, critical: random.next() < criticalShare });
    }
    beginsMs += durationMs;
  }
  return jobs;
}
