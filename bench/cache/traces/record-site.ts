import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createSiteServer } from '../../../examples/power-plans/server.ts';
import { Site } from '../../../examples/power-plans/site.ts';
import { openStore } from '../../../examples/power-plans/store/store.ts';
import { startPostgres } from '../../../test/servers/index.ts';

/** URLs that the example site is asked for under its load. */
export async function recordSite(root: string): Promise<string[]> {
  const postgres = await startPostgres();
  const store = await openStore(postgres.url, undefined);
  const site = new Site(store, { publicUrl: 'http://127.0.0.1', adminToken: 'not-used-by-the-load', reportChange: undefined });
  const server = createSiteServer(site).listen(0, '127.0.0.1');
  const urls: string[] = [];
  server.on('request', ({ url }) => urls.push(url!));
  try {
    await once(server, 'listening');
    const target = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const command = ['src/cli/main.ts', 'load', join(import.meta.dirname, 'site-load.ts'), '--target', target, '--seed', '1'];
    const load = spawn(process.execPath, ['--conditions=source', ...command], {
      cwd: root,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    await once(load, 'exit');
  } finally {
    server.close();
    server.closeAllConnections();
    await store.close();
    await postgres.stop();
  }
  return urls;
}
