import { mkdirSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { join } from 'node:path';
import type { Clock } from '../kernel/index.ts';

/** On average one allocation in this many bytes is remembered: a few percent of CPU while it lasts. */
const SAMPLE_EVERY_BYTES = 65_536;

let running: string | undefined;

/**
 * Samples where this process allocates what stays alive, for `forMs`, and then writes a file that Chrome's DevTools open
 * (Memory, Load). Nothing stands still meanwhile.
 * @returns the file it will write; while a profile runs, the file of that one.
 */
export async function recordHeapProfile(folder: string, forMs: number, clock: Clock): Promise<string> {
  if (running !== undefined) return running;
  const file = join(folder, `heap-${process.pid}-${clock.now()}.heapprofile`);
  const session = new Session();
  session.connect();
  await session.post('HeapProfiler.startSampling', { samplingInterval: SAMPLE_EVERY_BYTES });
  running = file;
  clock.setTimer(() => void finish(session, folder, file), forMs);
  return file;
}

async function finish(session: Session, folder: string, file: string): Promise<void> {
  try {
    const { profile } = await session.post('HeapProfiler.stopSampling');
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, JSON.stringify(profile));
  } catch (error) {
    process.emitWarning(`The heap profile could not be written: ${String(error)}`, 'SpillwayWarning');
  } finally {
    session.disconnect();
    running = undefined;
  }
}
