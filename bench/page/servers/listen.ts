import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Serves on a free loopback port and tells the bench where; ends when told to. */
export function listen(server: Server): void {
  server.keepAliveTimeout = 120_000;
  server.listen(0, '127.0.0.1', () => process.send!({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }));
  process.once('SIGTERM', () => process.exit(0));
}
