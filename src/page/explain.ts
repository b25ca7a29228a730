import type { Clock } from '../kernel/index.ts';
import { ENCODINGS } from './encodings.ts';
import type { Found } from './keeper.ts';

/** What is known of the answer stored for a URL. */
export interface PageExplanation {
  readonly key: string;
  readonly stored: boolean;
  readonly page?: {
    readonly status: number;
    readonly fresh: boolean;
    readonly ageMs: number;
    /** How long it stays fresh; negative: stale since. */
    readonly ttlMs: number;
    /** Until when it may serve while a new one is made, or while the upstream fails; wall-clock ms. */
    readonly staleUntilMs: number;
    readonly tags: readonly string[];
    readonly etag: string | undefined;
    /** Bytes by coding. */
    readonly bytes: Readonly<Record<string, number>>;
    readonly renderMs: number;
    readonly requestsPerHour: number;
  };
}

export function explanationOf(key: string, found: Found | undefined, clock: Clock): PageExplanation {
  if (found === undefined) return { key, stored: false };
  const { entry, page } = found;
  const { status, tags, etag, body, encoded, lifetimes, renderMs } = page.data;
  const nowMs = clock.now();
  const codings = ENCODINGS.filter((encoding) => encoded[encoding]).map((encoding) => [encoding, encoded[encoding]!.length]);
  return {
    key,
    stored: true,
    page: {
      status,
      fresh: nowMs < entry.freshUntilMs,
      ageMs: page.ageMs(nowMs),
      ttlMs: entry.freshUntilMs - nowMs,
      staleUntilMs: entry.freshUntilMs + Math.max(lifetimes.staleWhileRevalidateMs, lifetimes.staleIfUnreachableMs),
      tags,
      etag,
      bytes: { identity: body.length, ...Object.fromEntries(codings) },
      renderMs,
      requestsPerHour: page.traffic.perHour(nowMs),
    },
  };
}
