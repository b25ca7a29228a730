export const PERIODS = ['hour', 'day', 'week', 'month', 'year'] as const;
export type PeriodName = (typeof PERIODS)[number];

export interface Period {
  /** ms since the epoch. */
  readonly beginsMs: number;
  /** Exclusive. */
  readonly endsMs: number;
}

interface LocalTime {
  readonly year: number;
  /** 1 … 12 */
  readonly month: number;
  readonly day: number;
  /** What the zone's clocks show, as if it were UTC. */
  readonly asUtcMs: number;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const MAX_REMEMBERED = 8;

/** Calendar periods of a time zone, daylight saving time included. Weeks begin on Monday. */
export class Calendar {
  readonly #period: PeriodName;
  readonly #format: Intl.DateTimeFormat;
  /** Periods found lately; most questions are about the running one. */
  #known: Period[] = [];

  /** @param timeZone IANA name, such as `Europe/Berlin`. */
  constructor(period: PeriodName, timeZone: string) {
    this.#period = period;
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      calendar: 'gregory',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  }

  /** The period that holds `atMs`. */
  periodAt(atMs: number): Period {
    const known = this.#known.find(({ beginsMs, endsMs }) => atMs >= beginsMs && atMs < endsMs);
    if (known) return known;
    const period = this.#find(atMs);
    this.#known = [period, ...this.#known].slice(0, MAX_REMEMBERED);
    return period;
  }

  /** Beginnings of the period before the one at `atMs`, of that one, and of the two after it. */
  edgesAround(atMs: number): number[] {
    const running = this.periodAt(atMs);
    const next = this.periodAt(running.endsMs);
    return [this.periodAt(running.beginsMs - 1).beginsMs, running.beginsMs, next.beginsMs, next.endsMs];
  }

  #find(atMs: number): Period {
    if (this.#period === 'hour') {
      // Hours are counted in the zone's own, which may begin at half past of ours.
      const offsetMs = this.#offsetAt(atMs);
      const beginsMs = Math.floor((atMs + offsetMs) / HOUR_MS) * HOUR_MS - offsetMs;
      return { beginsMs, endsMs: beginsMs + HOUR_MS };
    }
    const { year, month, day } = this.#localAt(atMs);
    const midnight = (y: number, m: number, d: number): number => this.#instantOf(Date.UTC(y, m - 1, d));
    if (this.#period === 'year') return { beginsMs: midnight(year, 1, 1), endsMs: midnight(year + 1, 1, 1) };
    if (this.#period === 'month') return { beginsMs: midnight(year, month, 1), endsMs: midnight(year, month + 1, 1) };
    const monday = day - ((new Date(Date.UTC(year, month - 1, day)).getUTCDay() + 6) % 7);
    const first = this.#period === 'week' ? monday : day;
    return { beginsMs: midnight(year, month, first), endsMs: midnight(year, month, first + (this.#period === 'week' ? 7 : 1)) };
  }

  #localAt(atMs: number): LocalTime {
    const parts = Object.fromEntries(this.#format.formatToParts(atMs).map(({ type, value }) => [type, Number(value)]));
    const { year, month, day, hour, minute, second } = parts as Record<string, number>;
    return {
      year: year!,
      month: month!,
      day: day!,
      asUtcMs: Date.UTC(year!, month! - 1, day!, hour!, minute!, second!),
    };
  }

  #offsetAt(atMs: number): number {
    return this.#localAt(atMs).asUtcMs - Math.floor(atMs / 1000) * 1000;
  }

  /** The instant at which the zone's clocks show what `asUtcMs` would be in UTC; the first after a gap. */
  #instantOf(asUtcMs: number): number {
    const before = asUtcMs - this.#offsetAt(asUtcMs - DAY_MS);
    const after = asUtcMs - this.#offsetAt(asUtcMs + DAY_MS);
    const candidates = [Math.min(before, after), Math.max(before, after)];
    return candidates.find((instant) => this.#localAt(instant).asUtcMs === asUtcMs) ?? candidates[1]!;
  }
}
