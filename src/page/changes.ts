import type { InvalidationReceipt } from './invalidation.ts';

/** What changed in the data, told by whoever changed it. */
export interface ChangeReport {
  /** The tag of the pages that show it: `plan:4711`. */
  readonly tag: string;
  /** What of it: `price`. */
  readonly field: string;
  readonly before: unknown;
  readonly after: unknown;
}

export interface ChangeReceipt {
  /** `now`: the pages were invalidated; `scheduled`: they change when they are made again anyway; `none`: equal values. */
  readonly effect: ChangeEffect;
  readonly receipt: InvalidationReceipt | undefined;
  /** Pages queued to be made again, of those this process knows. */
  readonly queued: number;
}

export type ChangeEffect = 'now' | 'scheduled' | 'none';

/** Numbers take effect at once when they changed by at least `threshold` of what they were; anything else when it differs. */
export function changeEffect({ before, after }: Pick<ChangeReport, 'before' | 'after'>, threshold: number): ChangeEffect {
  if (Object.is(before, after)) return 'none';
  if (typeof before !== 'number' || typeof after !== 'number') return 'now';
  const share = before === 0 ? Infinity : Math.abs(after - before) / Math.abs(before);
  // 105 of 100 is five per cent, whatever binary fractions make of it.
  return share >= threshold - 1e-9 ? 'now' : 'scheduled';
}
