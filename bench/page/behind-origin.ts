import { join } from 'node:path';
import { nodeServer, type RunningServer } from '../harness/index.ts';

/** A server of this bench, by its file's name. */
export const server = (name: string): string => join(import.meta.dirname, 'servers', `${name}.ts`);

/** A cache in front of an origin that is asked once and then idles. */
export async function behindOrigin(start: (origin: RunningServer) => Promise<RunningServer>): Promise<RunningServer> {
  const origin = await nodeServer(server('raw-http'));
  const cache = await start(origin);
  return {
    ...cache,
    stop: async () => {
      await cache.stop();
      await origin.stop();
    },
  };
}
