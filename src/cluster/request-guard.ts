import type { Clock, Timer } from '../kernel/index.ts';
import { fingerprintOf, withoutQuery, type RequestSketch } from './fingerprint.ts';
import { MOST_REQUESTS, type LastWords } from './last-words.ts';
import type { GuardOrders } from './messages.ts';

/** A request the guard knows of. */
export interface GuardedRequest {
  /** 0: go ahead. Otherwise requests like it have ended worker after worker: refuse it, for so long. */
  readonly refusedForMs: number;
  /** It is answered, or its client is gone. */
  end(): void;
}

/** A suspect that runs for so long without harm is none, ms. */
const HARMLESS_MS = 10_000;

/**
 * A worker's part of the guard against requests that kill: it knows what is in flight, refuses what is in quarantine, and
 * leaves word of the rest when it dies. While no worker has died of late that costs an array's place per request; after
 * a death every request is written down before it begins, since a killed process has no last moment to do so.
 */
export class RequestGuard {
  /** Requests refused since somebody last asked. */
  refused = 0;
  readonly #clock: Clock;
  readonly #words: LastWords | undefined;
  readonly #onSurvived: (fingerprint: string) => void;
  readonly #inFlight = new Map<number, RequestSketch>();
  readonly #free: number[] = [];
  #places = 0;
  #writes = false;
  #suspects = new Set<string>();
  #quarantine = new Map<string, number>();

  /** @param onSurvived hears of suspects that did no harm. */
  constructor(words: LastWords | undefined, clock: Clock, onSurvived: (fingerprint: string) => void) {
    this.#words = words;
    this.#clock = clock;
    this.#onSurvived = onSurvived;
  }

  /** Call it before anything of the request is worked on, and `end()` when it is over. */
  begin(request: RequestSketch): GuardedRequest {
    const refusedForMs = this.#quarantine.size === 0 ? 0 : this.#quarantinedForMs(request);
    if (refusedForMs > 0) {
      this.refused++;
      return { refusedForMs, end: () => {} };
    }
    const place = this.#free.pop() ?? (this.#places < MOST_REQUESTS ? this.#places++ : undefined);
    if (place === undefined) return UNKNOWN;
    this.#inFlight.set(place, request);
    if (this.#writes) this.#writes = this.#words!.write(place, fingerprintOf(request));
    const suspect = this.#suspects.size === 0 ? undefined : this.#watch(request);
    return { refusedForMs: 0, end: () => this.#end(place, suspect) };
  }

  /** What the primary knows now. */
  obey({ write, suspects, quarantine }: GuardOrders): void {
    const nowMs = this.#clock.monotonic();
    this.#suspects = new Set(suspects);
    this.#quarantine = new Map(quarantine.map(({ fingerprint, forMs }) => [fingerprint, nowMs + forMs]));
    if (write && !this.#writes && this.#words) {
      for (const [place, request] of this.#inFlight) this.#words.write(place, fingerprintOf(request));
      this.#writes = true;
    } else if (!write && this.#writes) {
      this.#writes = false;
      this.#words?.clear();
    }
  }

  /** The process ends without having been asked to. */
  leaveWord(): void {
    this.#words?.writeAll([...this.#inFlight.values()].map(fingerprintOf));
  }

  #end(place: number, suspect: Suspect | undefined): void {
    if (!this.#inFlight.delete(place)) return;
    this.#free.push(place);
    if (this.#writes) this.#writes = this.#words!.erase(place);
    suspect?.timer.cancel();
    if (suspect) this.#survived(suspect.fingerprints);
  }

  #watch(request: RequestSketch): Suspect | undefined {
    const exact = fingerprintOf(request);
    const fingerprints = [exact, withoutQuery(exact)].filter((one) => this.#suspects.has(one));
    if (fingerprints.length === 0) return undefined;
    return { fingerprints, timer: this.#clock.setTimer(() => this.#survived(fingerprints), HARMLESS_MS) };
  }

  #survived(fingerprints: readonly string[]): void {
    for (const fingerprint of fingerprints) if (this.#suspects.delete(fingerprint)) this.#onSurvived(fingerprint);
  }

  #quarantinedForMs(request: RequestSketch): number {
    const exact = fingerprintOf(request);
    const untilMs = Math.max(this.#quarantine.get(exact) ?? 0, this.#quarantine.get(withoutQuery(exact)) ?? 0);
    return Math.max(0, untilMs - this.#clock.monotonic());
  }
}

interface Suspect {
  readonly fingerprints: readonly string[];
  readonly timer: Timer;
}

/** More requests at once than there is room for: this one goes without a guard. */
const UNKNOWN: GuardedRequest = { refusedForMs: 0, end: () => {} };
