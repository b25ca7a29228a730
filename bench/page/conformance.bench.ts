/**
 * The public HTTP cache test suite against Spillway and its peers, all side by side. Most of a run is waiting for answers
 * to become stale. `HTTP_CACHE_TESTS=<checkout>` runs another edition of the suite than the published package.
 */
import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startGatewayUnderTest } from '../../test/http/public-suite/gateway-under-test.ts';
import { type Kind, type Results, score, Suite } from '../../test/http/public-suite/suite.ts';
import { eventually, ServerProcess } from '../../test/servers/index.ts';
import { type Findings, freePort, missingProgram, nginxServer, nodeServer, type Study } from '../harness/index.ts';

interface Running {
  readonly url: string;
  stop(): Promise<void>;
}

const candidates: Readonly<Record<string, (origin: string) => Promise<Running> | undefined>> = {
  'Spillway, profile rfc': (origin) => startGatewayUnderTest(origin, 'rfc'),
  'Spillway, profile safe': (origin) => startGatewayUnderTest(origin, 'safe'),
  'undici cache interceptor': (origin) => nodeServer(join(import.meta.dirname, 'servers/undici-proxy.ts'), [origin]),
  'nginx proxy_cache': (origin) => (missingProgram('nginx', 'nginx-light') ? undefined : nginx(origin)),
  Varnish: (origin) => (missingProgram('varnishd', 'varnish') ? undefined : varnish(origin)),
};

const study: Study = {
  name: 'page/conformance',
  study: async (): Promise<Findings> => {
    const suite = await Suite.load();
    const rows = await Promise.all(
      Object.entries(candidates).map(async ([name, start]) => row(suite, name, await scored(suite, start))),
    );
    const of = score(suite, new Map());
    return {
      bench: 'page/conformance',
      title: 'HTTP caching by the letter of the RFCs',
      what: `Tests of the public HTTP cache suite that pass (edition: ${suite.edition}): ${of.required.of} of what the RFCs require, ${of.optimal.of} of what a good cache does beyond, ${of.check.of} checks that only inform. A test whose precondition fails counts as failed.`,
      columns: ['cache', `required, of ${of.required.of}`, `optimal, of ${of.optimal.of}`],
      rows: rows.filter((one) => one !== undefined),
    };
  },
};

export default study;

async function scored(suite: Suite, start: (typeof candidates)[string]): Promise<Results | undefined> {
  // Its server remembers requests per test, so each cache needs one of its own.
  const origin = await suite.startOrigin();
  const cache = await start(origin.url);
  try {
    return cache && (await suite.run(cache.url));
  } finally {
    await cache?.stop();
    await origin.stop();
  }
}

function row(suite: Suite, name: string, results: Results | undefined): (string | number)[] | undefined {
  if (results === undefined) return undefined;
  const { required, optimal } = score(suite, results) satisfies Record<Kind, unknown>;
  return [name, required.passed, optimal.passed];
}

async function nginx(origin: string): Promise<Running> {
  const port = await freePort();
  return nginxServer(
    port,
    `proxy_cache_path $folder/cache keys_zone=pages:10m;
     server { listen 127.0.0.1:${port}; location / { proxy_pass ${origin}; proxy_cache pages; proxy_cache_revalidate on;
       proxy_cache_background_update on; proxy_cache_use_stale error timeout updating http_503; proxy_cache_lock on; } }`,
  );
}

/** Without its own notions of how long an answer is fresh or may be stale: the suite asks for the RFC's. */
async function varnish(origin: string): Promise<Running> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'spillway-varnish-'));
  chmodSync(folder, 0o755);
  const settings = ['default_ttl=0', 'default_grace=0', 'default_keep=3600'].flatMap((one) => ['-p', one]);
  const args = ['-F', '-n', folder, '-a', `127.0.0.1:${port}`, '-b', new URL(origin).host, ...settings];
  const server = new ServerProcess('varnishd', args);
  await eventually(`Varnish answers on ${port}`, () => server.output.includes('Child launched OK'));
  return { url: `http://127.0.0.1:${port}`, stop: () => server.kill('SIGTERM') };
}
