import { formatSize } from '../kernel/index.ts';
import { mannKendall, theilSen, type Point } from './trend.ts';

/** What lives in the heap right after a major collection, less the bytes that caches declare as theirs. */
export interface LiveReading {
  readonly atMs: number;
  readonly liveBytes: number;
  /** Requests answered so far, by class: what a leak may be a leak of. */
  readonly requests?: Readonly<Record<string, number>>;
}

export interface LeakVerdict {
  readonly verdict: 'unknown' | 'steady' | 'leaking';
  readonly bytesPerHour: number;
  /** How long until the limit at this pace; null when nothing leaks. */
  readonly hoursToLimit: number | null;
  /** In words, with what it grows with where that can be told. */
  readonly text: string;
}

const WARM_UP_MS = 10 * 60_000;
const LEAST_SPAN_MS = 20 * 60_000;
const LEAST_STRETCHES = 12;
const MAX_STRETCHES = 64;
const FIRST_STRETCH_MS = 90_000;
/** 64 of these are two days: what happened before does not dilute a leak that begins today. */
const LONGEST_STRETCH_MS = 45 * 60_000;
/** Standard deviations from no trend: 1 in 200 by chance. */
const CERTAIN = 2.6;
/** Growth slower than this share of the limit an hour takes more than a week to matter. */
const LEAST_SHARE_PER_HOUR = 0.005;
/** The later half must still grow at about the pace of the earlier one, or it is something that fills up. */
const STILL_GROWING = 0.75;
/** To be sure, this share of the time left is spent on watching: the more urgent, the sooner the word. */
const WATCHED_SHARE = 0.25;
/** Longer than this need not be watched: it rules out the rhythm of a day. */
const LONGEST_WATCH_MS = 26 * 3_600_000;

/**
 * Tells a leak from what only looks like one: a cache that fills, a busier hour, a burst. A trend must show in the whole
 * and in the later half by itself, must not be flattening, and must have lasted for a fair part of the time it leaves.
 * Use one for each life of a process.
 */
export class LeakDetector {
  readonly #limitBytes: number;
  readonly #startMs: number;
  /** The lowest reading of each stretch of time: what is above it was not all live for long. */
  #stretches: LiveReading[] = [];
  #stretchMs = FIRST_STRETCH_MS;
  #lowest: LiveReading | undefined;
  #stretch = -1;

  /** @param limitBytes what the heap may grow to. */
  constructor(limitBytes: number, startMs: number) {
    this.#limitBytes = limitBytes;
    this.#startMs = startMs;
  }

  /** Takes in a reading; those of the first minutes, while things load, say nothing. */
  add(reading: LiveReading): void {
    if (reading.atMs - this.#startMs < WARM_UP_MS) return;
    const stretch = Math.floor((reading.atMs - this.#startMs) / this.#stretchMs);
    if (stretch !== this.#stretch && this.#lowest) this.#endStretch(this.#lowest);
    if (stretch !== this.#stretch || !this.#lowest || reading.liveBytes < this.#lowest.liveBytes) this.#lowest = reading;
    this.#stretch = Math.floor((reading.atMs - this.#startMs) / this.#stretchMs);
  }

  verdict(): LeakVerdict {
    const readings = this.#stretches;
    const spanMs = (readings.at(-1)?.atMs ?? 0) - (readings[0]?.atMs ?? 0);
    if (readings.length < LEAST_STRETCHES || spanMs < LEAST_SPAN_MS) {
      return { verdict: 'unknown', bytesPerHour: 0, hoursToLimit: null, text: 'too few major collections to tell yet' };
    }
    const middle = Math.floor(readings.length / 2);
    const [whole, earlier, later] = [growthOf(readings), growthOf(readings.slice(0, middle)), growthOf(readings.slice(middle))];
    const hoursToLimit = Math.max(0, this.#limitBytes - readings.at(-1)!.liveBytes) / later.bytesPerHour;
    const leaking =
      whole.certain &&
      later.certain &&
      later.bytesPerHour >= STILL_GROWING * earlier.bytesPerHour &&
      whole.bytesPerHour >= LEAST_SHARE_PER_HOUR * this.#limitBytes &&
      spanMs >= Math.min(LONGEST_WATCH_MS, WATCHED_SHARE * hoursToLimit * 3_600_000);
    if (!leaking)
      return {
        verdict: 'steady',
        bytesPerHour: Math.max(0, whole.bytesPerHour),
        hoursToLimit: null,
        text: 'live memory is steady',
      };
    const grows = `live memory grows by ${formatSize(Math.round(later.bytesPerHour))} an hour, at its limit in ${hours(hoursToLimit)}`;
    return { verdict: 'leaking', bytesPerHour: later.bytesPerHour, hoursToLimit, text: `${grows}${attribution(readings)}` };
  }

  #endStretch(lowest: LiveReading): void {
    this.#stretches.push(lowest);
    if (this.#stretches.length <= MAX_STRETCHES) return;
    if (this.#stretchMs >= LONGEST_STRETCH_MS) return void this.#stretches.shift();
    this.#stretchMs *= 2;
    this.#stretches = halved(this.#stretches);
  }
}

interface Growth {
  readonly certain: boolean;
  readonly bytesPerHour: number;
}

function growthOf(readings: readonly LiveReading[]): Growth {
  const points: Point[] = readings.map(({ atMs, liveBytes }) => ({ x: atMs / 3_600_000, y: liveBytes }));
  const { slope, lower } = theilSen(points);
  return { certain: mannKendall(points.map(({ y }) => y)) > CERTAIN && lower > 0, bytesPerHour: slope };
}

/** Joins each two neighbouring stretches to one; all stay equally long, or the lows would not compare. */
function halved(stretches: readonly LiveReading[]): LiveReading[] {
  const joined: LiveReading[] = [];
  for (let at = stretches.length % 2; at + 1 < stretches.length; at += 2) {
    const [one, other] = [stretches[at]!, stretches[at + 1]!];
    joined.push(one.liveBytes <= other.liveBytes ? one : other);
  }
  return joined;
}

/** Of the classes, the one whose requests the growth follows best, when it follows one clearly better than time. */
function attribution(readings: readonly LiveReading[]): string {
  const first = readings[0]!.requests ?? {};
  let best: { name: string; fit: number; bytesPerRequest: number } | undefined;
  for (const name of Object.keys(readings.at(-1)!.requests ?? {})) {
    const points = readings.map(({ requests, liveBytes }) => ({ x: (requests?.[name] ?? 0) - (first[name] ?? 0), y: liveBytes }));
    const { fit, slope } = leastSquares(points);
    if (slope > 0 && fit > (best?.fit ?? 0.9)) best = { name, fit, bytesPerRequest: slope };
  }
  return best ? `: ${formatSize(Math.round(best.bytesPerRequest))} with each request of class ${best.name}` : '';
}

function leastSquares(points: readonly Point[]): { readonly fit: number; readonly slope: number } {
  const n = points.length;
  const meanX = points.reduce((sum, { x }) => sum + x, 0) / n;
  const meanY = points.reduce((sum, { y }) => sum + y, 0) / n;
  let [xy, xx, yy] = [0, 0, 0];
  for (const { x, y } of points) {
    xy += (x - meanX) * (y - meanY);
    xx += (x - meanX) ** 2;
    yy += (y - meanY) ** 2;
  }
  return xx === 0 || yy === 0 ? { fit: 0, slope: 0 } : { fit: xy ** 2 / (xx * yy), slope: xy / xx };
}

function hours(value: number): string {
  return value < 48 ? `${value.toFixed(1)} h` : `${Math.round(value / 24)} days`;
}
