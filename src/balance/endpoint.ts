import type { EndpointBreaker } from './endpoint-breaker.ts';

/** What an endpoint is made of. */
export interface EndpointSettings {
  /** Scheme, host and port: `http://127.0.0.1:3001`. */
  readonly url: string;
  /** Its share of requests, beside the others. */
  readonly weight: number;
  /** Used only while no other endpoint can be. */
  readonly backup: boolean;
  /** Where it stands; requests stay within their own zone while they can. */
  readonly zone?: string | undefined;
  /** Subscription tiers it is kept for; empty: for everyone. */
  readonly reservedFor: readonly string[];
}

/** Why an endpoint is, or is not, picked. */
export type EndpointState = 'up' | 'ejected' | 'down' | 'draining';

/** One place where an upstream runs, with what is known about it from its own answers. */
export class Endpoint implements EndpointSettings {
  readonly url: string;
  readonly weight: number;
  readonly backup: boolean;
  readonly zone: string | undefined;
  readonly reservedFor: readonly string[];
  /** For strategies that hash. */
  readonly seed: number;

  /** Guards it, where the options ask for that. */
  readonly breaker: EndpointBreaker | undefined;

  /** Says no to its health checks. */
  down = false;
  /** Failed real requests too often; gets none until its time is up. */
  ejected = false;
  /** Takes no new requests any more. */
  draining = false;

  /** Requests it is working on now. */
  inFlight = 0;
  /** Of these, requests whose answer has not begun. */
  awaited = 0;
  picks = 0;
  failures = 0;
  consecutiveFailures = 0;
  /** How often it was ejected in a row: each ejection lasts longer than the one before. */
  ejections = 0;
  /** Answers and failures since the outlier window began. */
  windowPicks = 0;
  windowFailures = 0;
  /** Mean time to an answer's head, ms, newer answers weighing more; undefined before the first. */
  latencyMs: number | undefined;
  /** Share of requests it answered well, newer ones weighing more. */
  health = 1;
  /** Monotonic ms of its last answer, or of the request that ended its idle time: silence is measured from here. */
  heardMs = 0;
  /** Monotonic ms at which it came (back) into service with a slow start; −Infinity: at its full weight. */
  warmingSinceMs = -Infinity;
  /** Of smooth weighted round robin: who is furthest behind is next. */
  credit = 0;

  constructor(settings: EndpointSettings, breaker?: EndpointBreaker) {
    this.url = settings.url;
    this.weight = settings.weight;
    this.backup = settings.backup;
    this.zone = settings.zone;
    this.reservedFor = settings.reservedFor;
    this.seed = hash32(settings.url);
    this.breaker = breaker;
  }

  get state(): EndpointState {
    return this.draining ? 'draining' : this.down ? 'down' : this.ejected ? 'ejected' : 'up';
  }
}

/** FNV-1a: short strings, well spread by {@link mix32} afterwards. */
export function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** murmur3's finaliser: every bit of the input moves every bit of the output. */
export function mix32(value: number): number {
  let z = value;
  z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
  z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
  return (z ^ (z >>> 16)) >>> 0;
}
