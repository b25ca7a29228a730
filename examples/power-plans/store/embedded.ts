import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import type { Database } from './database.ts';

/**
 * PostgreSQL inside this process (PGlite). Its folder belongs to one process at a time.
 * @param folder where the data lives; undefined: in memory.
 */
export async function openEmbedded(folder?: string): Promise<Database> {
  const release = folder === undefined ? () => {} : claim(resolve(folder));
  const pglite = await PGlite.create(folder === undefined ? {} : { dataDir: join(folder, 'data') }).catch((error: unknown) => {
    release();
    throw error;
  });
  return {
    query: async <Row>(text: string, values: readonly unknown[] = []) => (await pglite.query<Row>(text, [...values])).rows,
    run: async (script) => void (await pglite.exec(script)),
    close: async () => {
      await pglite.close();
      release();
    },
  };
}

/** Writes this process's id into the folder; refuses when another one that still runs has done so. */
function claim(folder: string): () => void {
  const lock = join(folder, 'owner.pid');
  mkdirSync(folder, { recursive: true });
  const owner = ownerOf(lock);
  if (owner !== undefined && owner !== process.pid && isRunning(owner)) {
    throw new Error(
      `The example's data in ${folder} belongs to process ${owner}, which still runs.\n` +
        `Stop it, or give this one a folder of its own: POWER_PLANS_DATA=/tmp/power-plans npm start`,
    );
  }
  writeFileSync(lock, String(process.pid));
  return () => rmSync(lock, { force: true });
}

function ownerOf(lock: string): number | undefined {
  try {
    return Number(readFileSync(lock, 'utf8')) || undefined;
  } catch {
    return undefined;
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
