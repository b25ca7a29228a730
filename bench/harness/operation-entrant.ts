import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Entrant, Slice } from './slice.ts';

/** Starts the contender in a process of its own; between its turns it does nothing. */
export async function enterOperation(file: string, contenderName: string): Promise<Entrant> {
  const child = fork(join(import.meta.dirname, 'operation-process.ts'), [file, contenderName], {
    execArgv: ['--conditions=source', '--expose-gc'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const answer = async (): Promise<unknown> => {
    const ended = new AbortController();
    const died = once(child, 'exit', { signal: ended.signal }).then(() => {
      throw new Error(`${contenderName} ended before it answered`);
    });
    const message = await Promise.race([once(child, 'message', { signal: ended.signal }), died]);
    died.catch(() => {});
    ended.abort();
    return message[0];
  };
  await answer();
  return {
    work: async () => {
      const slice = answer();
      child.send('work');
      return (await slice) as Slice;
    },
    close: async () => {
      const gone = once(child, 'exit');
      child.send('end');
      await gone;
      process.off('exit', kill);
    },
  };
}
