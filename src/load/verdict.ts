import type { Histogram } from '../kernel/index.ts';

/** What the verdict on the generator itself rests on. */
export interface GeneratorEvidence {
  readonly planned: number;
  /** Arrivals that began before the planned end, or soon after; the others waited for a connection or a user. */
  readonly punctual: number;
  readonly answered: number;
  /** Microseconds. */
  readonly lag: Histogram;
  /** Microseconds. */
  readonly latency: Histogram;
  /** Share of the run the busiest worker's event loop was busy, 0 to 1. */
  readonly busy: number;
  readonly workers: number;
  readonly connections: number;
}

const MOST_BUSY = 0.9;
const MOST_LAG_US = 2000;
const MOST_LAG_SHARE = 0.1;
const LEAST_PUNCTUAL = 0.99;

/**
 * Why a run says more about the generator than about the target; empty when it does not. A run with a reason is
 * INVALID: its figures must not be used.
 */
export function reasonsInvalid(evidence: GeneratorEvidence): string[] {
  const { planned, punctual, answered, lag, busy, workers } = evidence;
  const reasons: string[] = [];
  if (planned === 0) return ['nothing was planned: the arrival brings no request in its duration'];
  if (answered === 0) return [`none of ${planned} requests was answered`];
  const late = [0.5, 0.99].find((q) => lag.quantile(q) > allowedLag(evidence.latency, q));
  if (late !== undefined) {
    const [lagMs, allowedMs] = [lag.quantile(late) / 1000, allowedLag(evidence.latency, late) / 1000];
    reasons.push(
      `the generator was late: ${Math.round((1 - late) * 100)} % of requests left more than ${lagMs.toFixed(1)} ms after they could have (allowed ${allowedMs.toFixed(1)} ms); use more workers, or a machine with less else to do`,
    );
  }
  if (busy > MOST_BUSY) {
    reasons.push(
      `the generator was saturated: its event loop was busy ${Math.round(busy * 100)} % of the time (allowed ${MOST_BUSY * 100} %); use more than ${workers} ${workers === 1 ? 'worker' : 'workers'}, fewer users or a lower rate`,
    );
  }
  if (punctual < planned * LEAST_PUNCTUAL) {
    reasons.push(
      `the rate was missed: ${punctual} of ${planned} planned arrivals began in time, the others waited for one of ${evidence.connections} connections; the target is too slow for this rate, or the connections are too few`,
    );
  }
  return reasons;
}

/** Lag is part of latency: at the same percentile it may be a tenth of it, or 2 ms, which is what timers are good for. */
function allowedLag(latency: Histogram, q: number): number {
  return Math.max(MOST_LAG_US, latency.quantile(q) * MOST_LAG_SHARE);
}
