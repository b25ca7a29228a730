/** A JSON list under wrk's usual heavy load, beside nginx before the same origin. */
import { execFile } from 'node:child_process';
import { writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort, nginxServer, nodeServer, type Findings, type RunningServer, type Study } from '../harness/index.ts';

const THREADS = 12;
const CONNECTIONS = 400;
const SECONDS = 30;
const BYTES = 8 * 1024;
const servers = join(import.meta.dirname, 'cached-servers.ts');

/** wrk itself prints no 95th percentile. */
const REPORT = `done = function(summary, latency)
  local failed = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status + summary.errors.timeout
  io.write(string.format("report %d %d %d %d %d %d\\n", summary.requests, summary.duration, failed, latency.mean, latency:percentile(95), latency:percentile(99)))
end
`;

async function study(): Promise<Findings> {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-wrk-'));
  writeFileSync(join(folder, 'report.lua'), REPORT);
  const origin = await nodeServer(servers, ['raw', String(BYTES)]);
  const contenders: Record<string, () => Promise<RunningServer>> = {
    'spillway, from its cache': () => nodeServer(servers, ['spillway', String(BYTES), origin.url]),
    'nginx, from its cache': () =>
      nginx(
        'sendfile off; proxy_cache_path $folder/cache keys_zone=lists:10m;',
        `${to(origin)} proxy_cache lists; proxy_cache_valid 200 1h;`,
      ),
    'nginx, passing each request': () =>
      nginx(
        `upstream origin { server ${origin.url.slice(7)}; keepalive 128; }`,
        `proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection '';`,
      ),
    'the origin alone': () => Promise.resolve({ ...origin, stop: async () => {} }),
  };
  const rows: (string | number)[][] = [];
  try {
    for (const [name, start] of Object.entries(contenders)) {
      const server = await start();
      rows.push([name, ...(await load(server.url, join(folder, 'report.lua')))]);
      await server.stop();
    }
  } finally {
    await origin.stop();
    rmSync(folder, { recursive: true });
  }
  return {
    bench: 'gateway/wrk-list',
    title: 'Gateway: a list under 400 connections',
    what: `wrk with ${THREADS} threads and ${CONNECTIONS} connections asks for one stored list of ${BYTES / 1024} kB for ${SECONDS} s, on the same cores. Each server is one process; Spillway with a limit by address and metrics on. Closed loop: each connection asks again when it is answered, so the times are those of a saturated machine.`,
    columns: ['', 'requests a second', 'failed', 'mean', 'p95', 'p99'],
    rows,
  };
}

async function load(url: string, script: string): Promise<(string | number)[]> {
  const args = ['-t', String(THREADS), '-c', String(CONNECTIONS), '-d', `${SECONDS}s`, '--timeout', '5s', '-s', script, url];
  const { stdout } = await promisify(execFile)('wrk', args);
  const report = /report (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)/.exec(stdout);
  if (!report) throw new Error(`wrk reported nothing:\n${stdout}`);
  const [requests, durationUs, failed, ...timesUs] = report.slice(1).map(Number);
  const times = timesUs.map((us) => `${(us / 1000).toFixed(1)} ms`);
  return [Math.round(requests! / (durationUs! / 1e6)), String(failed), ...times];
}

async function nginx(outside: string, location: string): Promise<RunningServer> {
  const port = await freePort();
  return nginxServer(port, `${outside} server { listen 127.0.0.1:${port} backlog=4096; location / { ${location} } }`);
}

function to(origin: RunningServer): string {
  return `proxy_pass ${origin.url};`;
}

const wrkList: Study = { name: 'gateway/wrk-list', study };
export default wrkList;
