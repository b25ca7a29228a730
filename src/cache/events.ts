export type Tier = 'memory' | 'store';

/** Why a read found nothing it could use. */
export type MissReason =
  /** Never stored, or removed. */
  | 'absent'
  /** Its time was over. */
  | 'expired'
  /** It had to make room. */
  | 'evicted'
  /** One of its tags was invalidated. */
  | 'invalidated'
  /** The copy in memory could not be proven current, and the store did not answer. */
  | 'unproven';

/** What a cache reports; `key` is the whole key, with its namespaces. */
export interface CacheEvents {
  hit: { readonly key: string; readonly tier: Tier; readonly stale: boolean };
  miss: { readonly key: string; readonly reason: MissReason };
  /** A loader finished and its value was stored. */
  load: { readonly key: string; readonly loadMs: number };
  /** A loader threw or timed out. `served`: a stale value went out in its place. */
  loadFailed: { readonly key: string; readonly error: unknown; readonly served: boolean };
  /** A value was not stored because an invalidation came while it was loaded. */
  overtaken: { readonly key: string };
  set: { readonly key: string };
  delete: { readonly key: string };
  expire: { readonly key: string };
  invalidateTags: { readonly tags: readonly string[]; readonly soft: boolean };
  deletePattern: { readonly pattern: string };
  clear: { readonly scope: string };
  evict: { readonly key: string; readonly bytes: number };
  /** The store stopped answering, or answers again. */
  store: { readonly available: boolean; readonly error?: unknown };
  /** Invalidations may have been missed; memory was put in doubt. */
  gap: Record<string, never>;
}
