import type { AlertsPolicy } from '../policy/index.ts';
import { percent, time } from './words.ts';

export type Severity = 'page' | 'ticket';

/** One rule: what it looks at in process, and the same in Prometheus' words. */
export interface AlertRule {
  /** `SpillwayErrorsHigh`: the alert's name in Prometheus too. */
  readonly name: string;
  readonly severity: Severity;
  readonly forMs: number;
  /** The value it speaks of when it holds, otherwise undefined. `read` gives the mean of a signal's last minute. */
  check(read: (signal: string) => number | undefined): number | undefined;
  tell(value: number): string;
  /** What it is about, without a value. */
  readonly summary: string;
  /** undefined: its signal is not made of metrics that Prometheus could see alone. */
  readonly expression?: string;
}

const REQUESTS = 'spillway_http_requests_total';
const PAGES = 'spillway_page_requests_total';
const DURATION = 'spillway_http_request_duration_seconds_bucket';
/** Below this many requests a second a share says little. */
const TELLING_RATE = 1;

export function alertRules(policy: AlertsPolicy): AlertRule[] {
  const { responseTime, memory, errors, hitRate, regenerationQueue } = policy.thresholds;
  return [
    {
      name: 'SpillwayResponsesSlow',
      summary: 'Answers take too long.',
      severity: responseTime.severity,
      forMs: responseTime.for,
      check: (read) => above(read('http.p95'), responseTime.above),
      tell: (ms) => `95 of 100 requests take up to ${time(ms)}, more than ${time(responseTime.above)}`,
      expression: `histogram_quantile(0.95, sum by (le) (rate(${DURATION}[1m]))) > ${responseTime.above / 1000}`,
    },
    {
      name: 'SpillwayMemoryHigh',
      summary: 'Memory runs out.',
      severity: memory.severity,
      forMs: memory.for,
      check: (read) => above(read('memory.share'), memory.above),
      tell: (value) => `memory is ${percent(value)} full, more than ${percent(memory.above)}`,
      expression:
        `sum(process_resident_memory_bytes) / max(process_memory_limit_bytes) > ${memory.above} ` +
        `or max(v8js_memory_heap_used_bytes / v8js_memory_heap_limit_bytes) > ${memory.above}`,
    },
    {
      name: 'SpillwayErrorsHigh',
      summary: 'Too many requests fail.',
      severity: errors.severity,
      forMs: errors.for,
      check: (read) => {
        const rate = read('http.rate') ?? 0;
        return rate < TELLING_RATE ? undefined : above((read('http.5xx') ?? 0) / rate, errors.above);
      },
      tell: (value) => `${percent(value)} of requests fail, more than ${percent(errors.above)}`,
      expression: `sum(rate(${REQUESTS}{status=~"5.."}[1m])) / sum(rate(${REQUESTS}[1m])) > ${errors.above} and sum(rate(${REQUESTS}[1m])) >= ${TELLING_RATE}`,
    },
    {
      name: 'SpillwayHitRateLow',
      summary: 'The page cache is missed too often.',
      severity: hitRate.severity,
      forMs: hitRate.for,
      check: (read) => {
        const hits = (read('page.hits') ?? 0) + (read('page.stale') ?? 0);
        const all = hits + (read('page.misses') ?? 0);
        return all < TELLING_RATE || hits / all >= hitRate.below ? undefined : hits / all;
      },
      tell: (value) => `${percent(value)} of page requests are hits, fewer than ${percent(hitRate.below)}`,
      expression:
        `sum(rate(${PAGES}{result=~"hit|stale"}[1m])) / sum(rate(${PAGES}{result=~"hit|stale|miss"}[1m])) < ${hitRate.below} ` +
        `and sum(rate(${PAGES}{result=~"hit|stale|miss"}[1m])) >= ${TELLING_RATE}`,
    },
    {
      name: 'SpillwayRegenerationBacklog',
      summary: 'Regeneration does not keep up.',
      severity: regenerationQueue.severity,
      forMs: regenerationQueue.for,
      check: (read) => above(read('regeneration.waiting'), regenerationQueue.above),
      tell: (value) => `${Math.round(value)} pages wait to be made anew, more than ${regenerationQueue.above}`,
      expression: `sum(spillway_page_regeneration_waiting) > ${regenerationQueue.above}`,
    },
    ...Object.entries(policy.rules).map(([name, rule]) => ownRule(name, rule)),
  ];
}

function ownRule(name: string, rule: AlertsPolicy['rules'][string]): AlertRule {
  const limit = rule.above ?? rule.below!;
  return {
    name,
    summary: `${rule.signal} is ${rule.above === undefined ? 'below' : 'above'} ${limit}.`,
    severity: rule.severity,
    forMs: rule.for,
    check: (read) => {
      const value = read(rule.signal);
      if (rule.above !== undefined) return above(value, rule.above);
      return value !== undefined && value < limit ? value : undefined;
    },
    tell: (value) =>
      `${rule.signal} is ${Number(value.toPrecision(4))}, ${rule.above === undefined ? 'below' : 'above'} ${limit}`,
  };
}

function above(value: number | undefined, limit: number): number | undefined {
  return value !== undefined && value > limit ? value : undefined;
}
