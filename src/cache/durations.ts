import { ConfigError, parseDuration, show, type Duration } from '../kernel/index.ts';

const parsed = new Map<string, number>();

/** The ms of a duration given to one call; each text is parsed once. */
export function toMs(duration: Duration, option: string): number {
  if (duration === 0) return 0;
  const known = parsed.get(duration);
  if (known !== undefined) return known;
  const ms = parseDuration(duration);
  if (ms === undefined) {
    throw new ConfigError('cache', [
      { path: option, message: `${show(duration)} is not a duration such as '250ms', '30s' or '15m'` },
    ]);
  }
  if (parsed.size >= 1000) parsed.clear();
  parsed.set(duration, ms);
  return ms;
}
