import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { startRedis } from '../../test/servers/index.ts';
import type { Findings, Study } from '../harness/index.ts';
import type { FromListener, Order, Outcome } from './remote-invalidation-node.ts';

const PROCESSES = 8;
const SECONDS = 10;
/** Before that: what is compiled and opened for the first time is not counted. */
const WARM_UP_SECONDS = 2;
const RATES = [100, 1000];
const NAMES = ['spillway, tracking', 'spillway, pubsub', 'bentocache'];

/** One process of the fleet. */
class Listener {
  readonly #child: ChildProcess;

  constructor(contender: string, url: string) {
    this.#child = fork(join(import.meta.dirname, 'remote-invalidation-node.ts'), [contender, url], {
      execArgv: ['--conditions=source'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
  }

  answer(): Promise<FromListener> {
    return new Promise((resolve, reject) => {
      const onExit = (): void => reject(new Error('a process of the fleet died'));
      this.#child.once('exit', onExit);
      this.#child.once('message', (message: FromListener) => {
        this.#child.off('exit', onExit);
        resolve(message);
      });
    });
  }

  order(order: Order): Promise<FromListener> {
    const answer = this.answer();
    this.#child.send(order);
    return answer;
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }
}

/** p50 / p99 / most of the ms from the call of `delete` until another process no longer has the key in memory. */
async function measure(contender: string, rate: number): Promise<(string | number)[]> {
  const redis = await startRedis();
  const fleet = Array.from({ length: PROCESSES }, () => new Listener(contender, redis.url));
  try {
    await Promise.all(fleet.map((listener) => listener.answer()));
    const keys = rate * (WARM_UP_SECONDS + SECONDS);
    await fleet[0]!.order({ do: 'store', keys });
    await Promise.all(fleet.map((listener) => listener.order({ do: 'read', keys })));
    const work = fleet.map((listener, first) =>
      listener.order({ do: 'delete', keys, first, step: PROCESSES, everyMs: (1000 * PROCESSES) / rate }),
    );
    const outcomes = (await Promise.all(work)) as Outcome[];
    // In the order of keys, which is that of time.
    const warmUp = rate * WARM_UP_SECONDS;
    const calledMs = new Map(outcomes.flatMap((outcome) => outcome.called).filter(([key]) => key >= warmUp));
    const heard = outcomes.flatMap((outcome) => outcome.gone).filter(([key]) => key >= warmUp);
    const tookMs = heard.map(([key, atMs]) => atMs - calledMs.get(key)!);
    tookMs.sort((a, b) => a - b);
    const at = (share: number): number => tookMs[Math.min(tookMs.length - 1, Math.floor(share * tookMs.length))]!;
    const left = outcomes.reduce((sum, outcome) => sum + outcome.left, 0);
    return [contender, rate, at(0.5), at(0.99), at(1), tookMs.length, left];
  } finally {
    for (const listener of fleet) listener.stop();
    await redis.stop();
  }
}

const study: Study = {
  name: 'coherence/remote-invalidation',
  study: async (): Promise<Findings> => {
    const rows: (string | number)[][] = [];
    for (const rate of RATES) for (const name of NAMES) rows.push(await measure(name, rate));
    return {
      bench: 'coherence/remote-invalidation',
      title: 'Invalidations heard elsewhere',
      what: `${PROCESSES} processes with one real Redis on one machine have the same keys in memory and delete them at random moments, for ${SECONDS} s after ${WARM_UP_SECONDS} s of warming up. Counted are the ms from the call of \`delete\` in one process until the key is gone from the memory of another. cacheable and cache-manager never tell other processes as documented; async-cache-dedupe and cachified have no memory tier.`,
      columns: ['', 'deletes / s', 'p50 ms', 'p99 ms', 'most ms', 'heard', 'never heard'],
      rows,
    };
  },
};

export default study;
