/** What a restart costs in figures: of one worker nothing, of the whole gateway what was not yet saved. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { SqliteHistory, type Change, type HistorySlice } from '../../src/health/index.ts';
import { askAdmin } from './ask-admin.ts';
import { eventually, freePort, ServerProcess } from '../servers/index.ts';
import { startOrigin } from '../serve/origin.ts';
import { control, get, serve } from '../serve/running.ts';

const SOON_MS = 60_000;

async function countedRequests(adminUrl: string): Promise<number> {
  const text = await (await fetch(`${adminUrl}/metrics`)).text();
  return [...text.matchAll(/^spillway_http_requests_total\{.*\} (\d+)$/gm)].reduce((sum, [, value]) => sum + Number(value), 0);
}

test('workers that are replaced under traffic take no count with them, and totals never fall', async (t) => {
  const origin = await startOrigin();
  t.after(() => origin.stop());
  const running = await serve({ upstreams: { site: { endpoints: [origin.url] } }, routes: { '/**': { class: 'normal' } } });
  t.after(() => running.stop());
  let answered = 0;
  const end = new AbortController();
  const visitor = async (): Promise<void> => {
    for (let at = 0; !end.signal.aborted; at++) {
      await get(`${running.siteUrl}/page/${at % 50}`);
      answered++;
      // The pace of the visitors.
      await delay(5);
    }
  };
  const visitors = Promise.all(Array.from({ length: 4 }, visitor));
  const totals: number[] = [];
  const watching = (async () => {
    while (!end.signal.aborted) {
      totals.push(await countedRequests(running.adminUrl));
      // As often as the counts are looked at.
      await delay(50);
    }
  })();
  for (const id of ['worker 0', 'worker 1'])
    assert.equal((await control(running, `/workers/${encodeURIComponent(id)}/restart`, {})).status, 200);
  end.abort();
  await visitors;
  await watching;

  await eventually('every answer is counted', async () => (await countedRequests(running.adminUrl)) === answered, SOON_MS);
  assert.deepEqual(
    totals,
    totals.toSorted((a, b) => a - b),
  );
  await eventually(
    'the timeline tells of both',
    async () => {
      const changes = (await (await fetch(`${running.adminUrl}/api/timeline`)).json()) as Change[];
      const told = changes.filter(({ kind, actor }) => kind === 'worker' && actor === undefined).map(({ text }) => text);
      return told.join() === 'worker 0 restarted,worker 1 restarted';
    },
    SOON_MS,
  );
});

/** The gateway as a process of its own, on the same ports and the same history each time. */
function gatewayIn(folder: string, ports: { site: number; admin: number }) {
  const config = {
    listen: { port: ports.site },
    admin: { port: ports.admin },
    workers: 1,
    upstreams: { site: { endpoints: ['http://127.0.0.1:9'] } },
    history: { file: join(folder, 'history.db') },
    routes: { '/**': { class: 'normal', cache: false } },
  };
  const file = join(folder, 'spillway.config.json');
  writeFileSync(file, JSON.stringify(config));
  const cli = resolve(import.meta.dirname, '../../src/cli/main.ts');
  const urls = { site: `http://127.0.0.1:${ports.site}/`, admin: `http://127.0.0.1:${ports.admin}` };
  const isReady = async (): Promise<boolean> => (await fetch(`${urls.admin}/readyz`).catch(() => undefined))?.status === 200;
  return {
    urls,
    historyFile: config.history.file,
    start: async (): Promise<ServerProcess> => {
      const started = new ServerProcess(process.execPath, ['--conditions=source', cli, 'start', '--config', file]);
      await eventually('the gateway is ready', async () => started.exited || isReady(), SOON_MS);
      assert.ok(!started.exited, started.output);
      return started;
    },
  };
}

/** Seconds of history in which there were requests. */
async function busySeconds(adminUrl: string): Promise<number[]> {
  const { fromMs, series } = await askAdmin<HistorySlice>(`${adminUrl}/api/history?signals=http.rate`);
  return series['http.rate']!.flatMap((value, at) => (value !== null && value > 0 ? [fromMs / 1000 + at] : []));
}

function savedSeconds(file: string): number[] {
  const store = new SqliteHistory(file);
  const { rows } = store.load(Date.now());
  store.close();
  return rows
    .filter(({ stepMs, values }) => stepMs === 1000 && (values.get('http.rate') ?? 0) > 0)
    .map(({ atMs }) => atMs / 1000);
}

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(`history, timeline and budgets survive ${signal}`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'spillway-restart-'));
    const gateway = gatewayIn(folder, { site: await freePort(), admin: await freePort() });
    const { urls } = gateway;
    const first = await gateway.start();
    t.after(() => first.kill());
    // Saved every ten seconds: who is killed outright keeps what was saved until then.
    let before: number[] = [];
    await eventually(
      'seconds with requests are history',
      async () => {
        await get(urls.site);
        before = signal === 'SIGTERM' ? await busySeconds(urls.admin) : savedSeconds(gateway.historyFile);
        return before.length >= 2;
      },
      SOON_MS,
    );
    await first.kill(signal);

    const second = await gateway.start();
    t.after(async () => {
      await second.kill('SIGTERM');
      rmSync(folder, { recursive: true });
    });
    const after = new Set(await busySeconds(urls.admin));
    assert.deepEqual(
      before.filter((second) => !after.has(second)),
      [],
    );
    const changes = await askAdmin<Change[]>(`${urls.admin}/api/timeline`);
    assert.equal(changes.filter(({ kind }) => kind === 'start').length, 2);
    const { objectives } = await askAdmin<{ objectives: { total: number }[] }>(`${urls.admin}/status`);
    assert.ok(objectives[0]!.total > 0);
  });
}
