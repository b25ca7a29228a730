import type { Duration } from '../kernel/index.ts';

interface Preset {
  readonly limit: number;
  readonly window: Duration;
  readonly algorithm?: 'sliding' | 'smooth';
  readonly burst?: number;
  readonly by?: 'apiKey';
}

/** Limits by name, as most services need them. Each is an ordinary set of options and can be overridden in part. */
export const LIMIT_PRESETS = {
  /** Any client. */
  default: { limit: 100, window: '1m' },
  /** Programs that identify themselves. */
  apiKey: { limit: 1000, window: '1m', by: 'apiKey' },
  /** Administration. */
  strict: { limit: 10, window: '1m' },
  /** A whole site, per address, with room for the burst a page load makes. */
  site: { limit: 100, window: '1s', algorithm: 'smooth', burst: 200 },
  /** Signing in. */
  auth: { limit: 10, window: '15m' },
  /** An API's ordinary calls. */
  api: { limit: 1000, window: '15m' },
  /** Reports, exports and other expensive calls. */
  heavy: { limit: 10, window: '1m' },
  /** Opening live connections. */
  realtime: { limit: 50, window: '5s' },
} as const satisfies Record<string, Preset>;

export type LimitPreset = keyof typeof LIMIT_PRESETS;
