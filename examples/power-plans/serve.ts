/**
 * The site as a process of its own: `node --conditions=source examples/power-plans/serve.ts`.
 *
 * PORT (3001), HOST (127.0.0.1), PUBLIC_URL, DATABASE_URL (absent: PostgreSQL inside this process), POWER_PLANS_DATA (its
 * folder; `memory`: none), ADMIN_TOKEN (absent: one is made), SPILLWAY_ADMIN_URL and SPILLWAY_ADMIN_TOKEN.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { changeReporter } from './report-change.ts';
import { createSiteServer } from './server.ts';
import { Site } from './site.ts';
import { openStore } from './store/store.ts';

const {
  PORT = '3001',
  HOST = '127.0.0.1',
  DATABASE_URL,
  POWER_PLANS_DATA,
  SPILLWAY_ADMIN_URL,
  SPILLWAY_ADMIN_TOKEN,
} = process.env;
const adminToken = process.env['ADMIN_TOKEN'] ?? randomBytes(12).toString('base64url');

try {
  const folder = POWER_PLANS_DATA === 'memory' ? undefined : (POWER_PLANS_DATA ?? '.spillway/power-plans');
  const store = await openStore(DATABASE_URL, folder);
  const site = new Site(store, {
    publicUrl: process.env['PUBLIC_URL'] ?? `http://${HOST}:${PORT}`,
    adminToken,
    reportChange: SPILLWAY_ADMIN_URL ? changeReporter(SPILLWAY_ADMIN_URL, SPILLWAY_ADMIN_TOKEN) : undefined,
  });
  const server = createSiteServer(site).listen(Number(PORT), HOST);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  console.log(`The site is at http://${HOST}:${port}, ${site.cities.length} cities`);
  if (!process.env['ADMIN_TOKEN'])
    console.log(`Prices change at http://${HOST}:${port}/admin/prices with the token ${adminToken}`);
  process.send?.({ ready: true, port });

  const stop = (): void => {
    server.close(() => void store.close().then(() => process.exit(0)));
    server.closeIdleConnections();
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  // Started by another process: when that one is gone, so is the reason to be here.
  if (process.send) process.once('disconnect', stop);
} catch (error) {
  console.error(`The site cannot start: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}
