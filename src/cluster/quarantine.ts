import type { Clock } from '../kernel/index.ts';
import { withoutQuery } from './fingerprint.ts';
import type { GuardOrders } from './messages.ts';
import type { ClusterSettings } from './options.ts';

/** A request that was put in quarantine. */
export interface Verdict {
  readonly fingerprint: string;
  readonly deaths: number;
  readonly forMs: number;
}

interface Suspect {
  /** Workers that died with it in flight. */
  deaths: number;
  lastDeathMs: number;
  /** How often it was in quarantine. */
  terms: number;
  /** Monotonic ms; 0 when it is not in quarantine. */
  untilMs: number;
}

/** Fingerprints remembered; above it, the ones seen dying first are forgotten. */
const MOST_SUSPECTS = 1000;

/**
 * Finds the requests that kill. Whatever is in flight when a worker dies is a suspect; one that is answered once, anywhere,
 * is none any more. What was in flight at several deaths and never survived is put in quarantine, for longer each time. A
 * request is known by its target first, and by its path alone when the deaths do not agree on a query.
 */
export class Quarantine {
  readonly #settings: ClusterSettings['poison'];
  readonly #clock: Clock;
  readonly #suspects = new Map<string, Suspect>();
  #lastDeathMs = -Infinity;
  #writing = false;

  constructor(settings: ClusterSettings['poison'], clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  /** Requests in quarantine now. */
  get size(): number {
    return [...this.#suspects.values()].filter((suspect) => suspect.untilMs > 0).length;
  }

  /** A worker died while it worked on these. Returns what is put in quarantine for it. */
  onDeath(inFlight: readonly string[]): readonly Verdict[] {
    const nowMs = (this.#lastDeathMs = this.#clock.monotonic());
    const exact = new Set(inFlight);
    for (const fingerprint of new Set([...exact, ...[...exact].map(withoutQuery)])) this.#accuse(fingerprint, nowMs);
    const guilty = new Set([...exact].map((one) => this.#worstOf(one)).filter((one) => one !== undefined));
    return [...guilty].map((fingerprint) => this.#confine(fingerprint, nowMs));
  }

  /** A suspect was answered. */
  onSurvived(fingerprint: string): void {
    if (this.#suspects.get(fingerprint)?.untilMs === 0) this.#suspects.delete(fingerprint);
  }

  /** Ends what is over; true when the workers should know. One more death brings a request back into quarantine. */
  tick(): boolean {
    const nowMs = this.#clock.monotonic();
    let changed = this.#writing !== this.#write(nowMs);
    for (const [fingerprint, suspect] of this.#suspects) {
      if (suspect.untilMs > nowMs) continue;
      if (suspect.untilMs > 0) {
        Object.assign(suspect, { untilMs: 0, deaths: this.#settings.deaths - 1, lastDeathMs: nowMs });
        changed = true;
      } else if (nowMs - suspect.lastDeathMs > this.#settings.withinMs) {
        this.#suspects.delete(fingerprint);
        changed = true;
      }
    }
    return changed;
  }

  orders(): GuardOrders {
    const nowMs = this.#clock.monotonic();
    const [quarantine, suspects]: [{ fingerprint: string; forMs: number }[], string[]] = [[], []];
    for (const [fingerprint, { untilMs }] of this.#suspects)
      if (untilMs > 0) quarantine.push({ fingerprint, forMs: untilMs - nowMs });
      else suspects.push(fingerprint);
    this.#writing = this.#write(nowMs);
    return { write: this.#writing, suspects, quarantine };
  }

  /** Whether requests are written down: where workers have died of late, the next one may leave no word. */
  #write(nowMs: number): boolean {
    return this.#suspects.size > 0 || nowMs - this.#lastDeathMs < this.#settings.withinMs;
  }

  #accuse(fingerprint: string, nowMs: number): void {
    const known = this.#suspects.get(fingerprint);
    if (known) {
      known.deaths++;
      known.lastDeathMs = nowMs;
      return;
    }
    if (this.#suspects.size >= MOST_SUSPECTS) this.#forgetOne();
    this.#suspects.set(fingerprint, { deaths: 1, lastDeathMs: nowMs, terms: 0, untilMs: 0 });
  }

  /** The narrowest description of a request that was there often enough. */
  #worstOf(exact: string): string | undefined {
    return [exact, withoutQuery(exact)].find((one) => {
      const suspect = this.#suspects.get(one);
      return suspect && suspect.untilMs === 0 && suspect.deaths >= this.#settings.deaths;
    });
  }

  #confine(fingerprint: string, nowMs: number): Verdict {
    const suspect = this.#suspects.get(fingerprint)!;
    const { quarantineMs, maxQuarantineMs } = this.#settings;
    const forMs = Math.min(maxQuarantineMs, quarantineMs * 2 ** suspect.terms++);
    suspect.untilMs = nowMs + forMs;
    return { fingerprint, deaths: suspect.deaths, forMs };
  }

  #forgetOne(): void {
    const [oldest] = [...this.#suspects].find(([, suspect]) => suspect.untilMs === 0) ?? [...this.#suspects][0]!;
    this.#suspects.delete(oldest);
  }
}
