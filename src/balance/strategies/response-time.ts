import type { Random } from '../../kernel/index.ts';
import type { Endpoint } from '../endpoint.ts';
import { leastCost } from './least-cost.ts';
import type { Fleet, PickContext, Strategy } from './strategy.ts';

/** Weight of the newest answer in the mean. */
const ALPHA = 0.1;
/** What a failure counts for: an endpoint that fails fast must not look fast. */
const FAILURE_MS = 5000;
const LONGEST_PENALTY_MS = 300_000;
/** An endpoint nobody asks is forgiven by 63 % in this time: its mean moves to the fleet's. */
const FORGIVE_MS = 10_000;
/** How long the fleet's median is good for. */
const MEDIAN_MS = 100;
/** Silence past so many of its own mean answer times, and past SILENT_MS, counts as its latency: it may be frozen. */
const SILENT_ANSWERS = 10;
const SILENT_MS = 100;

/**
 * The endpoint with the shortest expected wait: mean answer time × (requests in flight + 1) ÷ weight, over every endpoint.
 */
export class ResponseTime implements Strategy {
  readonly #random: Random;
  #medianMs = 1;
  #medianAtMs = -Infinity;

  constructor(random: Random) {
    this.#random = random;
  }

  choose(candidates: readonly Endpoint[], _context: PickContext, fleet: Fleet): Endpoint {
    const { nowMs } = fleet;
    if (nowMs - this.#medianAtMs >= MEDIAN_MS) this.#medianMs = this.#measureMedian(candidates, nowMs);
    return leastCost(
      candidates,
      this.#random,
      (endpoint) => (this.costOfOne(endpoint, nowMs, this.#medianMs) * (endpoint.inFlight + 1)) / fleet.weightOf(endpoint),
    );
  }

  learn(endpoint: Endpoint, failed: boolean, latencyMs: number, retryAfterMs: number, nowMs: number): void {
    const sample = failed ? Math.min(LONGEST_PENALTY_MS, Math.max(FAILURE_MS, retryAfterMs, latencyMs)) : latencyMs;
    const before = endpoint.latencyMs === undefined ? undefined : expectedMs(endpoint, nowMs, this.#medianMs);
    endpoint.latencyMs = before === undefined ? sample : before + ALPHA * (sample - before);
    endpoint.health += ALPHA * ((failed ? 0 : 1) - endpoint.health);
    if (endpoint.health < 0.01) endpoint.health = 0.01;
  }

  /** What one more request costs at an endpoint that has none. */
  protected costOfOne(endpoint: Endpoint, nowMs: number, medianMs: number): number {
    return Math.max(expectedMs(endpoint, nowMs, medianMs), silenceMs(endpoint, nowMs));
  }

  #measureMedian(candidates: readonly Endpoint[], nowMs: number): number {
    this.#medianAtMs = nowMs;
    const known = candidates.map((endpoint) => endpoint.latencyMs).filter((latencyMs) => latencyMs !== undefined);
    return known.length === 0 ? 1 : Math.max(0.01, known.sort((a, b) => a - b)[known.length >>> 1]!);
  }
}

/**
 * The same by health, and by answer time only as far as the fleet differs: the fourth root of an endpoint's time relative to
 * the median. In simulation that is never behind the best of the other strategies on any fleet, equal or not: the requests
 * in flight tell most, and the full answer time sends everybody after whoever was fast a moment ago.
 */
export class Adaptive extends ResponseTime {
  protected override costOfOne(endpoint: Endpoint, nowMs: number, medianMs: number): number {
    const relative = expectedMs(endpoint, nowMs, medianMs) / medianMs;
    const slowness = Math.max(Math.sqrt(Math.sqrt(relative)), silenceMs(endpoint, nowMs) / medianMs);
    return slowness / (endpoint.health * endpoint.health);
  }
}

/** The mean, which moves towards the fleet's median while nobody asks. */
function expectedMs(endpoint: Endpoint, nowMs: number, medianMs: number): number {
  const { latencyMs } = endpoint;
  if (latencyMs === undefined) return medianMs;
  const unaskedMs = nowMs - endpoint.heardMs;
  if (unaskedMs < SILENT_MS || endpoint.awaited > 0) return latencyMs;
  return medianMs + (latencyMs - medianMs) * Math.exp(-unaskedMs / FORGIVE_MS);
}

/** How long an endpoint that should have answered has said nothing, when that is out of its usual; otherwise 0. */
function silenceMs(endpoint: Endpoint, nowMs: number): number {
  if (endpoint.awaited === 0 || endpoint.latencyMs === undefined) return 0;
  const silentMs = nowMs - endpoint.heardMs;
  return silentMs > SILENT_MS && silentMs > SILENT_ANSWERS * endpoint.latencyMs ? silentMs : 0;
}
