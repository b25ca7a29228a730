/** One limit as a shared store counts it. */
export interface StoredLimit {
  readonly algorithm: 'sliding' | 'smooth' | 'quota';
  readonly limit: number;
  /** `sliding` and `smooth`: length of the window. */
  readonly windowMs: number;
  /** `sliding`: into how many buckets the window is cut. */
  readonly buckets: number;
  /** `smooth`: how many units may come at once. */
  readonly burst: number;
  /**
   * `quota`: where periods begin, ms since the epoch: at least the last, the running and the next two as the caller's
   * clock has them, so that the store's clock decides which one runs.
   */
  readonly periods: readonly number[];
}

/** Limits that count under one key. They live together, so that a decision about them is atomic. */
export interface CountGroup {
  readonly key: string;
  /** Kept and passed again as the same array, a driver can prepare it once. */
  readonly limits: readonly StoredLimit[];
}

export interface TakeRequest {
  readonly groups: readonly CountGroup[];
  /** Units wanted. 0 only looks. */
  readonly cost: number;
  /** Fewer units will do, down to this many: for leases. Otherwise the same as `cost`. */
  readonly atLeast: number;
  /** The units may be used up to so long after they were granted; they count from then. At most one bucket. 0: now. */
  readonly leaseMs: number;
  /** Count as many units as there is room for, refusing nothing: for what was let through while the store was away. */
  readonly force: boolean;
}

/** Where one limit stands, in the order of the groups and their limits. Times in ms from the store's decision. */
export interface StoredState {
  readonly used: number;
  readonly resetMs: number;
  /** 0 where `atLeast` units would fit. */
  readonly retryAfterMs: number;
  /** When the units were counted, in the store's own terms; for {@link CounterStore.refund}. */
  readonly receipt: number;
}

export interface TakeAnswer {
  /** Units granted: 0 is a refusal, unless nothing was asked. */
  readonly granted: number;
  readonly allowed: boolean;
  readonly states: readonly StoredState[];
}

export interface RefundEntry {
  readonly group: CountGroup;
  /** One per limit; undefined: take back what would run out first. */
  readonly receipts: readonly number[] | undefined;
  readonly cost: number;
}

/** Permits of a key that are held until given back or until their lease ends. */
export interface PermitAnswer {
  readonly granted: boolean;
  readonly held: number;
  /** When the first permit's lease ends at the latest. */
  readonly retryAfterMs: number;
}

/**
 * Counts shared by all processes. Every decision is one atomic step by the store's own clock, so clocks of processes do
 * not matter. Calls reject with a SpillwayError when the store fails; they do not time out by themselves.
 */
export interface CounterStore {
  take(request: TakeRequest): Promise<TakeAnswer>;
  refund(entries: readonly RefundEntry[]): Promise<void>;
  /** Forgets keys with everything that counts under them. */
  reset(keys: readonly string[]): Promise<void>;
  acquirePermit(key: string, holder: string, limit: number, leaseMs: number): Promise<PermitAnswer>;
  /** False where the permit's lease had ended and the permit is gone. */
  renewPermit(key: string, holder: string, leaseMs: number): Promise<boolean>;
  releasePermit(key: string, holder: string): Promise<void>;
  /** Resolves when the store answers. */
  ping(): Promise<void>;
  /** Processes that use the store now, as far as is known; at least 1. */
  readonly instances: number;
  close(): Promise<void>;
}
