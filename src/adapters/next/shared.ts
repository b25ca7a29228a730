import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createCache, type Cache, type CacheOptions, type EntryOptions } from '../../cache/index.ts';
import { parseOptions, runtimeFrom, type Clock, type Runtime } from '../../kernel/index.ts';
import { nextOptions, type NextCacheOptions, type NextSettings } from './options.ts';
import type { RevalidateDurations } from './next-types.ts';
import { TagTimes } from './tag-times.ts';

/** What both handlers stand on: one cache, and the times of tags. */
export interface Shared {
  readonly cache: Cache;
  readonly clock: Clock;
  readonly settings: NextSettings;
  readonly tagTimes: TagTimes;
}

/** A page has the tags of everything that was read for it. */
const WITH_TAGS: CacheOptions = { name: 'next', maxTagsPerEntry: 1000 };
/** Stands for "until it is invalidated". */
const LONGEST_S = 365 * 86_400;

export function share(options: NextCacheOptions, runtime: Partial<Runtime>, call: string): Shared {
  const { cache: given, buildId, wait, renderTimeout, keep, ...cacheOptions } = options;
  const settings = parseOptions(nextOptions, { cache: given, buildId, wait, renderTimeout, keep }, call);
  const cache = whileBuilding()
    ? createCache(WITH_TAGS, runtime)
    : (given ?? createCache({ ...WITH_TAGS, ...cacheOptions }, runtime));
  const { clock } = runtimeFrom(runtime);
  return { cache, clock, settings, tagTimes: new TagTimes(cache, clock) };
}

/** A build must not need the production store, nor write to it. */
function whileBuilding(): boolean {
  return process.env['NEXT_PHASE'] === 'phase-production-build';
}

/** Tags invalidated in the whole fleet: for the entries that carry them, and for those that only depend on them. */
export async function invalidate(
  { cache, tagTimes }: Shared,
  tags: readonly string[],
  durations: RevalidateDurations | undefined,
): Promise<void> {
  if (tags.length === 0) return;
  const soft = durations !== undefined && durations.expire !== 0;
  await tagTimes.note(tags, soft ? durations : undefined);
  await cache.invalidateTags(tags, { soft });
}

/** Fresh for `freshS`, then to be served until `expireS` (both from now) while a new one is made, at most `keep` longer. */
export function entryOptions(
  { settings }: Shared,
  freshS: number | false,
  expireS: number | undefined,
  tags: readonly string[],
): EntryOptions {
  const ttlS = Math.min(freshS === false ? LONGEST_S : Math.max(0, freshS), LONGEST_S);
  const graceS = Math.max(0, Math.min((expireS ?? Infinity) - ttlS, settings.keep / 1000));
  return { ttl: seconds(ttlS), grace: seconds(graceS), tags };
}

function seconds(count: number): string {
  return `${Math.ceil(count)}s`;
}

/** The id that `next build` gave this build. */
export function readBuildId(serverDistDir: string | undefined): string {
  const file = serverDistDir && join(serverDistDir, '..', 'BUILD_ID');
  return file && existsSync(file) ? readFileSync(file, 'utf8').trim() : 'development';
}
