import { execFileSync } from 'node:child_process';
import { freePort, nginxServer, spread, type Findings, type Study } from '../harness/index.ts';
import { autocannon, hey, spillway, wrk, type Generator, type Outcome } from './contenders.ts';

const GENERATORS: Readonly<Record<string, Generator>> = { spillway, autocannon, wrk, hey };
const ROUNDS = 5;
const CONNECTIONS = 32;
const SECONDS = 3;

/** Each generator in each round, in turn: CPU time a request and answers a second, and both against Spillway's in the round. */
async function study(): Promise<Findings> {
  const port = await freePort();
  const server = await nginxServer(
    port,
    `server { listen 127.0.0.1:${port}; location / { default_type text/plain; return 200 "${'x'.repeat(1000)}"; } }`,
  );
  const rounds: Record<string, Outcome>[] = [];
  try {
    for (const pid of server.pids) execFileSync('taskset', ['-p', '-c', '0', String(pid)], { stdio: 'ignore' });
    const order = Object.keys(GENERATORS);
    for (let round = 0; round < ROUNDS; round++) {
      const outcomes: Record<string, Outcome> = {};
      for (const name of order)
        outcomes[name] = await GENERATORS[name]!({ url: `${server.url}/`, connections: CONNECTIONS, seconds: SECONDS });
      rounds.push(outcomes);
      order.push(order.shift()!);
    }
  } finally {
    await server.stop();
  }
  const cpu = (outcome: Outcome): number => (outcome.cpuMs * 1000) / outcome.requests;
  const rate = (outcome: Outcome): number => outcome.requests / (outcome.wallMs / 1000);
  const rows = Object.keys(GENERATORS).map((name) => {
    const own = (of: (outcome: Outcome) => number): number => spread(rounds.map((round) => of(round[name]!))).median;
    const against = (of: (outcome: Outcome) => number): number =>
      spread(rounds.map((round) => of(round['spillway']!) / of(round[name]!))).median;
    return [name, own(cpu), against(cpu), own(rate), against(rate)];
  });
  return {
    bench: 'load/closed-loop',
    title: 'Load generators: CPU time a request',
    what: `${CONNECTIONS} connections on nginx, each asking again as soon as it has its answer of 1,000 bytes; nginx on one core, the generator on the other; ${ROUNDS} rounds of ${SECONDS} s in turn, medians. “spillway ÷” is Spillway’s figure divided by the row’s in the same round. Node programs run for a second first, and count from the first request to the last; the others count in all.`,
    columns: ['generator', 'CPU µs / request', 'spillway ÷ (CPU)', 'answers / s', 'spillway ÷ (answers / s)'],
    rows,
  };
}

const bench: Study = { name: 'load/closed-loop', study };
export default bench;
