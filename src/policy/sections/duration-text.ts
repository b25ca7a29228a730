import { duration, formatDuration } from '../../kernel/index.ts';

/** A duration that stays text: for sections whose room parses its options itself. */
export function durationText(bounds: Parameters<typeof duration>[0] = {}) {
  return duration(bounds).transform((ms) => (ms === 0 ? (0 as const) : formatDuration(ms)));
}
