import { once } from 'node:events';
import { createServer } from 'node:net';

const TRIES = 100;

/** The first free port from `wanted` on, leaving out `taken`. */
export async function freePortFrom(wanted: number, taken: readonly number[] = []): Promise<number> {
  for (let port = wanted; port < wanted + TRIES; port++) if (!taken.includes(port) && (await isFree(port))) return port;
  throw new Error(`No port from ${wanted} to ${wanted + TRIES - 1} is free.`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
