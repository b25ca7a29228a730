import { execFileSync } from 'node:child_process';
import { freePort, nginxServer, spread, type Findings, type Study } from '../harness/index.ts';
import { autocannon, bare, hey, spillway, wrk, type Generator, type Outcome } from './contenders.ts';

const GENERATORS: Readonly<Record<string, Generator>> = { spillway, autocannon, wrk, hey, 'bare sockets': bare };
const ROUNDS = 5;
const CONNECTIONS = 32;
const SECONDS = 2;

/** What sites and APIs send beside what nginx sends of itself: caching, and what a browser is told for safety. */
const USUAL_FIELDS = [
  'Cache-Control "public, max-age=60, s-maxage=3600"',
  'Vary "Accept-Encoding"',
  'Strict-Transport-Security "max-age=31536000; includeSubDomains"',
  'X-Content-Type-Options nosniff',
  'X-Frame-Options DENY',
  `Content-Security-Policy "default-src 'self'; img-src 'self' data:"`,
  'Referrer-Policy strict-origin-when-cross-origin',
  'Permissions-Policy "camera=(), geolocation=()"',
];

/** The answers asked for: what it is, and where. */
const ANSWERS = { 'bare, 1 kB, 5 fields': '/bare', 'API, 1 kB, 13 fields': '/api', 'page, 10 kB, 16 fields': '/page' };

async function study(): Promise<Findings> {
  const port = await freePort();
  const usual = USUAL_FIELDS.map((field) => `add_header ${field};`).join(' ');
  const server = await nginxServer(
    port,
    `open_file_cache max=10;
    server {
      listen 127.0.0.1:${port};
      location /bare { default_type text/plain; return 200 "${'x'.repeat(1000)}"; }
      location /api { default_type application/json; ${usual} return 200 '{"rows":["${'x'.repeat(987)}"]}'; }
      location /page { default_type text/html; ${usual} root $folder; }
    }`,
    { page: Buffer.alloc(10_240, '<p>The same again.</p>\n') },
  );
  const rows: (string | number)[][] = [];
  try {
    for (const pid of server.pids) execFileSync('taskset', ['-p', '-c', '0', String(pid)], { stdio: 'ignore' });
    for (const [answer, path] of Object.entries(ANSWERS)) rows.push(...(await measured(answer, server.url + path)));
  } finally {
    await server.stop();
  }
  return {
    bench: 'load/closed-loop',
    title: 'Load generators: CPU time a request',
    what: `${CONNECTIONS} connections on nginx, each asking again as soon as it has its answer; nginx on one core, the generator on the other; ${ROUNDS} rounds of ${SECONDS} s in turn, medians. Three answers: the barest nginx sends, one of an API of the same length with the fields for caching and safety that most sites send, and a site’s page of 10 kB with the same fields, from a file nginx keeps open. “spillway ÷” is Spillway’s figure divided by the row’s in the same round. “bare sockets” is the least a Node program can do: it writes the same bytes again for each answer’s length of bytes that came, and reads, times and records nothing. Node programs run for a second first, and count from the first request to the last; the others count in all.`,
    columns: ['answer', 'generator', 'CPU µs / request', 'spillway ÷ (CPU)', 'answers / s', 'spillway ÷ (answers / s)'],
    rows,
  };
}

/** Each generator in each round, in turn: CPU time a request and answers a second, and Spillway's against both in the round. */
async function measured(answer: string, url: string): Promise<(string | number)[][]> {
  const rounds: Record<string, Outcome>[] = [];
  const order = Object.keys(GENERATORS);
  for (let round = 0; round < ROUNDS; round++) {
    const outcomes: Record<string, Outcome> = {};
    for (const name of order) outcomes[name] = await GENERATORS[name]!({ url, connections: CONNECTIONS, seconds: SECONDS });
    rounds.push(outcomes);
    order.push(order.shift()!);
  }
  return Object.keys(GENERATORS).map((name) => {
    const own = (of: (outcome: Outcome) => number): number => spread(rounds.map((round) => of(round[name]!))).median;
    const against = (of: (outcome: Outcome) => number): number =>
      spread(rounds.map((round) => of(round['spillway']!) / of(round[name]!))).median;
    return [answer, name, own(cpuUs), against(cpuUs), own(perSecond), against(perSecond)];
  });
}

function cpuUs({ cpuMs, requests }: Outcome): number {
  return (cpuMs * 1000) / requests;
}

function perSecond({ requests, wallMs }: Outcome): number {
  return requests / (wallMs / 1000);
}

const bench: Study = { name: 'load/closed-loop', study };
export default bench;
