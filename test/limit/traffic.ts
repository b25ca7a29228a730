import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { TrafficOrder, TrafficReport } from './traffic-process.ts';

/** Runs one traffic process per order, all at once; `meanwhile` runs beside them. */
export async function traffic(orders: readonly TrafficOrder[], meanwhile?: () => Promise<void>): Promise<TrafficReport[]> {
  const children = orders.map((order) => start(order));
  try {
    await Promise.all(children.map((child) => nextMessage(child)));
    const reports = children.map((child) => nextMessage(child));
    for (const child of children) child.send('go');
    await Promise.all([...reports, meanwhile?.()]);
    return (await Promise.all(reports)) as TrafficReport[];
  } finally {
    for (const child of children) child.kill('SIGKILL');
  }
}

function start(order: TrafficOrder): ChildProcess {
  return fork(join(import.meta.dirname, 'traffic-process.ts'), [JSON.stringify(order)], {
    execArgv: ['--conditions=source', '--unhandled-rejections=strict'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
}

async function nextMessage(child: ChildProcess): Promise<unknown> {
  const ended = new AbortController();
  const died = once(child, 'exit', { signal: ended.signal }).then(([code]) => {
    throw new Error(`a traffic process ended with ${code}`);
  });
  died.catch(() => {});
  const [message] = await Promise.race([once(child, 'message', { signal: ended.signal }), died]);
  ended.abort();
  return message;
}

/** The most that was let through in any window of `windowMs`, given when each was. */
export function worstWindow(reports: readonly TrafficReport[], windowMs: number): number {
  const stamps = reports.flatMap((report) => report.admittedAtMs).toSorted((a, b) => a - b);
  let worst = 0;
  let first = 0;
  for (let last = 0; last < stamps.length; last++) {
    while (stamps[last]! - stamps[first]! >= windowMs) first++;
    worst = Math.max(worst, last - first + 1);
  }
  return worst;
}

export const sum = (reports: readonly TrafficReport[], of: (report: TrafficReport) => number): number =>
  reports.reduce((total, report) => total + of(report), 0);
