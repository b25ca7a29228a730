import type { ValueStore } from '../cache/index.ts';
import { type Clock, messageOf } from '../kernel/index.ts';
import type { PageEntry } from './stored-page.ts';
import { ALL_PAGES, pathTag } from './tags.ts';

/** What to invalidate. At least one of `tags`, `paths` and `all`. */
export interface InvalidationRequest {
  readonly tags?: readonly string[];
  /** Exact paths, without query: every query and variant of them goes. */
  readonly paths?: readonly string[];
  readonly all?: boolean;
  /** Only stale: the last good page serves while a new one is made. */
  readonly soft?: boolean;
}

/** A layer beyond the pages that holds copies, such as a CDN. */
export interface InvalidationLayer {
  readonly name: string;
  purge(request: InvalidationRequest): Promise<void>;
}

/** When and where an invalidation took effect, layer by layer, in the order it was applied. */
export interface InvalidationReceipt {
  readonly layers: readonly LayerReceipt[];
  /** Whether every layer confirmed. */
  readonly complete: boolean;
}

export interface LayerReceipt {
  readonly layer: string;
  readonly inForce: boolean;
  /** Wall-clock ms at which it was in force, or was given up. */
  readonly atMs: number;
  readonly tookMs: number;
  readonly attempts: number;
  /** What went wrong last. */
  readonly error?: string;
}

const ATTEMPTS = 3;
const RETRY_MS = 200;

/** Applies an invalidation to the store (which tells every process of the fleet), then to each further layer, in order. */
export async function applyInvalidation(
  request: InvalidationRequest,
  store: ValueStore<PageEntry>,
  layers: readonly InvalidationLayer[],
  clock: Clock,
): Promise<InvalidationReceipt> {
  const receipts = [await applied('pages', () => purgeStore(request, store), clock)];
  for (const layer of layers) receipts.push(await applied(layer.name, () => layer.purge(request), clock));
  return { layers: receipts, complete: receipts.every((receipt) => receipt.inForce) };
}

async function purgeStore(request: InvalidationRequest, store: ValueStore<PageEntry>): Promise<void> {
  const tags = request.all ? [ALL_PAGES] : [...(request.tags ?? []), ...(request.paths ?? []).map(pathTag)];
  if (tags.length > 0) await store.invalidateTags(tags, { soft: request.soft ?? false });
}

async function applied(layer: string, purge: () => Promise<void>, clock: Clock): Promise<LayerReceipt> {
  const startedMs = clock.monotonic();
  let error: string | undefined;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    try {
      await purge();
      return { layer, inForce: true, atMs: clock.now(), tookMs: clock.monotonic() - startedMs, attempts: attempt };
    } catch (cause) {
      error = messageOf(cause);
      if (attempt < ATTEMPTS) await clock.sleep(RETRY_MS * 2 ** (attempt - 1));
    }
  }
  const failed = { layer, inForce: false, atMs: clock.now(), tookMs: clock.monotonic() - startedMs, attempts: ATTEMPTS };
  return error === undefined ? failed : { ...failed, error };
}
