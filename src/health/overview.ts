import type { Alert } from './alert-book.ts';
import type { LeakVerdict } from './leak.ts';
import type { Change } from './timeline.ts';
import type { Cause, Verdict } from './status.ts';

/** Everything the dashboard, `spillway top` and `/status` show of one moment. Times in ms, shares from 0 to 1. */
export interface Overview {
  readonly atMs: number;
  readonly verdict: Verdict;
  readonly sinceMs: number;
  readonly causes: readonly Cause[];
  readonly service: ServiceFacts;
  readonly traffic: Traffic;
  readonly latency: Latency;
  readonly saturation: Saturation;
  readonly headroom: Headroom;
  readonly path: readonly Hop[];
  readonly objectives: readonly ObjectiveRow[];
  readonly alerts: readonly Alert[];
  readonly classes: readonly ClassRow[];
  readonly workers: readonly WorkerRow[];
  readonly endpoints: readonly EndpointRow[];
  readonly regeneration: Regeneration;
  readonly protection: Protection;
  readonly misses: readonly MissRow[];
  /** Id of the newest change, so that a reader knows whether it has them all. */
  readonly lastChange: number;
}

export interface ServiceFacts {
  readonly name: string;
  readonly version: string;
  readonly startedMs: number;
}

/** Requests per second, and how many are there now. */
export interface Traffic {
  readonly rate: number;
  readonly ok: number;
  readonly clientErrors: number;
  readonly serverErrors: number;
  /** Answered 504: part of the server's errors. */
  readonly timeouts: number;
  /** Clients that went away before they had their answer. */
  readonly aborted: number;
  readonly inFlight: number | null;
  readonly connections: number | null;
}

/** Over the last 10 seconds; null while there are no requests. */
export interface Latency {
  readonly p50Ms: number | null;
  readonly p90Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
}

export interface Saturation {
  /** Event loop utilisation of the busiest worker, of all, and of the idlest. */
  readonly loopWorst: number | null;
  readonly loopMean: number | null;
  readonly loopBest: number | null;
  readonly loopDelayMs: number | null;
  readonly cpu: number | null;
  readonly memory: number | null;
  readonly residentBytes: number | null;
}

/** What the service could take, from how busy it is at the present rate; null while it is too idle to tell. */
export interface Headroom {
  readonly capacityPerSecond: number | null;
  readonly usedShare: number | null;
}

/** An objective and its error budget. */
export interface ObjectiveRow {
  readonly name: string;
  readonly text: string;
  readonly goal: number;
  /** Requests counted in its window. */
  readonly total: number;
  /** Share of the budget left; below 0 when more was spent than there was. */
  readonly left: number;
  /** Multiple of the pace that uses the budget up exactly at the end of its window. */
  readonly burn1h: number;
  readonly burn6h: number;
  /** At the pace of the last hour; null: not before the window ends. */
  readonly exhaustedInMs: number | null;
  /** Burns fast enough for an alert. */
  readonly burning: boolean;
}

export type HopState = 'ok' | 'slow' | 'broken' | 'idle' | 'absent';

/** A station of a request's journey. */
export interface Hop {
  readonly id: 'client' | 'gateway' | 'pages' | 'memory' | 'store' | 'upstream' | 'database';
  readonly label: string;
  readonly state: HopState;
  readonly rate: number | null;
  readonly hitRatio: number | null;
  readonly p99Ms: number | null;
  /** What is wrong or worth knowing, in a few words. */
  readonly note: string | null;
}

export interface ClassRow {
  readonly name: string;
  readonly rate: number;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  /** The class's objective for p95, where one is declared. */
  readonly objectiveMs: number | null;
  readonly hitRatio: number | null;
  readonly stalePerSecond: number;
  /** Share answered 5xx. */
  readonly errorShare: number;
  /** Share answered 4xx. */
  readonly clientErrorShare: number;
  readonly timeoutsPerSecond: number;
  readonly shedPerSecond: number;
  /** How much it hurts: rows are sorted by it. */
  readonly pain: number;
}

export interface WorkerRow {
  readonly name: string;
  readonly state: string;
  readonly pid: number | null;
  readonly startedMs: number | null;
  readonly rate: number;
  readonly loop: number | null;
  readonly loopDelayMs: number | null;
  readonly cpu: number | null;
  readonly residentBytes: number | null;
  readonly heapBytes: number | null;
  readonly heapLimitBytes: number | null;
  readonly restarts: number;
  readonly leak: LeakVerdict;
}

export interface EndpointRow {
  readonly upstream: string;
  readonly endpoint: string;
  readonly state: 'up' | 'down' | 'draining';
  readonly rate: number;
  readonly failuresPerSecond: number;
  readonly inFlight: number;
}

/** Why the cache had nothing usable, over the last minute. */
export interface MissRow {
  /** `absent`, `expired`, `evicted`, `invalidated`, `unproven`; `bypassed` for requests that the policy lets past it. */
  readonly reason: string;
  readonly perSecond: number;
}

export interface Regeneration {
  readonly waiting: number | null;
  readonly running: number | null;
  readonly donePerSecond: number;
  readonly failedPerSecond: number;
}

export interface Protection {
  readonly limitedPerSecond: number;
  readonly shedPerSecond: number;
  /** Share of priorities and users that the shedder turns away now. */
  readonly shedShare: number | null;
}

/** One message of the event stream: the moment, and what changed since the message before. */
export interface StreamMessage {
  readonly overview: Overview;
  /** The latest second of every signal that is charted. */
  readonly point: Readonly<Record<string, number>>;
  readonly changes: readonly Change[];
}
