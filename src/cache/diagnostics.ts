import { channel } from 'node:diagnostics_channel';
import type { Events } from '../kernel/index.ts';
import type { CacheEvents } from './events.ts';

const NAMES = [
  'hit',
  'miss',
  'load',
  'loadFailed',
  'overtaken',
  'set',
  'delete',
  'expire',
  'invalidateTags',
  'deletePattern',
  'clear',
  'evict',
  'store',
  'gap',
] as const satisfies readonly (keyof CacheEvents)[];

/**
 * Publishes a cache's events on `node:diagnostics_channel` as `spillway:cache:hit` and so on, with the cache's name, for
 * tracers that do not know the cache object. Only when told to: it makes an object per event.
 */
export function publishDiagnostics(events: Events<CacheEvents>, cache: string): void {
  for (const name of NAMES) {
    const target = channel(`spillway:cache:${name}`);
    events.on(name, (event) => {
      if (target.hasSubscribers) target.publish({ cache, ...event });
    });
  }
}
