/** Where the CPU time of a request goes: passed on to an endpoint, and answered from the cache. */
import { execFile, execFileSync, fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Profiler } from 'node:inspector/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { nodeServer, type Findings, type Study } from '../harness/index.ts';
import { startOrigin } from './proxy-bench.ts';
import type { ProfileAnswer, ProfileQuestion } from './self-profile.ts';

const PROFILE_MS = 4000;
const CONNECTIONS = 40;

/** In the order of the table. The first that fits a function's name or file gets its time. */
const PARTS: readonly (readonly [part: string, fits: (name: string, file: string) => boolean])[] = [
  ['waiting for nothing', (name) => name === '(idle)'],
  ['collecting garbage', (name) => name === '(garbage collector)'],
  ['writing to sockets (system call)', (name) => /^(?:write\w*String|writeBuffer|writev)$/.test(name)],
  ['polling and reading sockets (system calls)', (name) => name === '(program)' || /^read(?:Start|Stop)$/.test(name)],
  ['Node: sockets, streams, timers', (_, file) => file.startsWith('node:') || file === ''],
  ['recognising the request', (_, file) => /\/(?:fast-path|recognise)\.ts$/.test(file)],
  ['choosing the route', (_, file) => file.includes('/policy/')],
  ['finding the stored answer', (_, file) => /\/(?:page|cache)\//.test(file)],
  ['limits', (_, file) => file.includes('/limit/')],
  [
    'balancing, breaker, attempts',
    (_, file) => /\/(?:balance|breaker)\/|\/(?:attempt|forwarded-request|retry-budget|deadlines)\.ts$/.test(file),
  ],
  ['reading the answer', (_, file) => /\/(?:answer-parser|upstream-connection|connection-pool)\.ts$/.test(file)],
  [
    'writing request and answer anew',
    (_, file) => /\/(?:forwarding|pass|plain-exchange|socket-answer|proxy|request-id)\.ts$/.test(file),
  ],
  ['metrics', (_, file) => /\/(?:metrics|histogram|http-metrics|clock)\.ts$/.test(file)],
];
const REST = 'the rest';

async function measure(): Promise<Findings> {
  const origin = await startOrigin(1024);
  const stored = await nodeServer(join(import.meta.dirname, 'cached-servers.ts'), ['raw', '200']);
  try {
    const passed = await timesOf('proxies.ts', ['spillway', origin.url]);
    const cached = await timesOf('cached-servers.ts', ['spillway', '200', stored.url]);
    const parts = [...PARTS.map(([part]) => part), REST].filter((part) => part !== PARTS[0]![0]);
    const sum = (times: ReadonlyMap<string, number>): number => parts.reduce((all, part) => all + (times.get(part) ?? 0), 0);
    return {
      bench: 'gateway/where',
      title: 'Gateway: where the time of a request goes',
      what: `CPU µs per request by what it was spent on, from samples of V8's profiler every 0.2 ms: a GET of 1 KiB passed to an endpoint, and a GET of 200 bytes from the cache, over ${CONNECTIONS} keep-alive connections. Under the profiler a request costs more than without it.`,
      columns: ['', 'passed on', 'from the cache'],
      rows: [
        ...parts.map((part) => [part, passed.get(part) ?? 0, cached.get(part) ?? 0]),
        ['all of it', sum(passed), sum(cached)],
      ],
    };
  } finally {
    await origin.stop();
    await stored.stop();
  }
}

/** µs per request by part. */
async function timesOf(file: string, args: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const child = fork(join(import.meta.dirname, file), [...args], {
    execArgv: ['--conditions=source'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  try {
    const [{ url }] = (await once(child, 'message')) as [{ url: string }];
    execFileSync('taskset', ['-a', '-p', '-c', '0', String(child.pid)], { stdio: 'ignore' });
    await requestsIn(url, 2000);
    const [requests, { profile, cpuUs }] = await Promise.all([requestsIn(url, PROFILE_MS), profileOf(child)]);
    return split(profile, cpuUs / requests);
  } finally {
    child.kill();
    await once(child, 'exit');
  }
}

async function requestsIn(url: string, durationMs: number): Promise<number> {
  const args = ['-c', '1', 'wrk', '-t', '1', '-c', String(CONNECTIONS), '-d', `${durationMs / 1000}s`, url];
  const { stdout } = await promisify(execFile)('taskset', args);
  return Number(/(\d+) requests in/.exec(stdout)?.[1]);
}

async function profileOf(child: ChildProcess): Promise<ProfileAnswer> {
  child.send({ profileMs: PROFILE_MS } satisfies ProfileQuestion);
  const [answer] = (await once(child, 'message')) as [ProfileAnswer];
  return answer;
}

/** The time of one request, by the share of samples in each part; samples without work do not count. */
function split({ nodes, samples = [] }: Profiler.Profile, usPerRequest: number): Map<string, number> {
  const partOf = new Map(nodes.map(({ id, callFrame }) => [id, partFor(callFrame.functionName, callFrame.url)]));
  const counts = new Map<string, number>();
  for (const id of samples) counts.set(partOf.get(id)!, (counts.get(partOf.get(id)!) ?? 0) + 1);
  counts.delete(PARTS[0]![0]);
  const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
  return new Map([...counts].map(([part, count]) => [part, (usPerRequest * count) / all]));
}

function partFor(name: string, file: string): string {
  return PARTS.find(([, fits]) => fits(name, file))?.[0] ?? REST;
}

const study: Study = { name: 'gateway/where', study: measure };
export default study;
