/**
 * What Next.js 16 hands to a cache handler and expects of it, as far as it is used here. Written down, so that nobody who
 * uses Spillway without Next has to install it. Times are in seconds where Next counts in seconds.
 */

/** For how long something is fresh, and until when it may serve at all, both from when it was made. */
export interface CacheControl {
  /** Seconds; false: until it is invalidated. */
  readonly revalidate: number | false;
  /** Seconds. */
  readonly expire: number | undefined;
}

/** A page, a route handler's answer, an image, or what `fetch` and `unstable_cache` keep. */
export interface CachedValue {
  readonly kind: string;
  /** Of pages and route handlers: `x-next-cache-tags` is among them. */
  readonly headers?: Readonly<Record<string, number | string | string[] | undefined>> | undefined;
  /** Seconds; of data and images. */
  readonly revalidate?: number;
  readonly tags?: readonly string[];
}

/** What `get` of the handler is asked with. */
export interface GetContext {
  readonly kind: string;
  readonly isRoutePPREnabled?: boolean;
  /** Of data: what this call of `fetch` asks for. */
  readonly revalidate?: number | false;
  readonly tags?: readonly string[];
  /** Of data: the paths it is read for. */
  readonly softTags?: readonly string[];
}

/** What `set` of the handler is told beside the value. */
export interface SetContext {
  readonly fetchCache?: boolean;
  readonly tags?: readonly string[];
  readonly cacheControl?: CacheControl;
}

/** What `get` of the handler answers. Next finds out by the times whether it is overdue. */
export interface HandlerValue {
  /** Ms since the epoch. */
  readonly lastModified: number;
  readonly value: CachedValue | null;
  readonly cacheControl?: CacheControl;
}

/** With what Next makes a handler, anew for each request. */
export interface HandlerContext {
  readonly serverDistDir?: string;
  readonly _requestHeaders?: Readonly<Record<string, string | string[] | undefined>>;
}

/** How `revalidateTag(tag, profile)` wants it: stale at once, and of no more use after `expire` seconds. */
export interface RevalidateDurations {
  readonly expire?: number;
}

/** What a function with `use cache` returned, with its times: `timestamp` in ms since the epoch, the others in seconds. */
export interface UseCacheEntry {
  readonly value: ReadableStream<Uint8Array>;
  readonly tags: string[];
  readonly stale: number;
  readonly timestamp: number;
  readonly expire: number;
  readonly revalidate: number;
}
