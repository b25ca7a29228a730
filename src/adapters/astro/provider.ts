import { messageOf, SpillwayError } from '../../kernel/index.ts';
import type { CacheProvider, InvalidateOptions } from './astro-types.ts';

const PATIENCE_MS = 10_000;

/**
 * What stands behind `Astro.cache`. The middleware sends what pages set; `Astro.cache.invalidate` asks Spillway's admin
 * listener to purge, at `SPILLWAY_ADMIN_URL` (several, separated by commas, where gateways share no Redis) with
 * `SPILLWAY_TOKEN`, and resolves when that is done.
 */
export default function createCacheProvider(): CacheProvider {
  return {
    name: 'spillway',
    // Fields set here would come last and replace what the middleware has collected.
    setHeaders: () => new Headers(),
    invalidate: async (options) => {
      await Promise.all(adminUrls().map((url) => purge(url, options)));
    },
  };
}

function adminUrls(): string[] {
  const urls = (process.env['SPILLWAY_ADMIN_URL'] ?? '').split(',').map((url) => url.trim());
  const given = urls.filter(Boolean);
  if (given.length > 0) return given;
  throw new SpillwayError(
    'SPILLWAY_UNREACHABLE',
    'Astro.cache.invalidate has nobody to ask: set SPILLWAY_ADMIN_URL to the address of the admin listener.',
  );
}

async function purge(url: string, { path, tags }: InvalidateOptions): Promise<void> {
  const token = process.env['SPILLWAY_TOKEN'];
  const list = typeof tags === 'string' ? [tags] : (tags ?? []);
  const answer = await fetch(new URL('/purge', url), {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'spillway-admin': '1',
      ...(token && { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({ ...(list.length > 0 && { tags: list }), ...(path && { paths: [path] }) }),
    signal: AbortSignal.timeout(PATIENCE_MS),
  }).catch((cause: unknown) => {
    throw new SpillwayError('SPILLWAY_UNREACHABLE', `No Spillway answers on ${url} (${messageOf(cause)}).`, { cause });
  });
  if (answer.status === 401) throw new SpillwayError('SPILLWAY_DENIED', `${url} refuses the token. Compare SPILLWAY_TOKEN.`);
  if (!answer.ok) throw new SpillwayError('SPILLWAY_REQUEST_FAILED', `${url} answered ${answer.status}: ${await answer.text()}`);
  await answer.body?.cancel();
}
