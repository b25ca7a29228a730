import { ConfigError, formatDuration, parseDuration, show, type Duration } from '../kernel/index.ts';
import { formatRate, parseRate, type Rate } from './rate.ts';

/** How the rate of arrivals runs over a phase. Rates are per second. */
export type Shape =
  | { readonly law: 'constant'; readonly perSecond: number }
  | { readonly law: 'ramp'; readonly fromPerSecond: number; readonly toPerSecond: number }
  | { readonly law: 'sine'; readonly meanPerSecond: number; readonly amplitudePerSecond: number; readonly periodMs: number };

/** A stretch of an open arrival: a shape, for a time, evenly spaced or (with a seed) as a Poisson process. */
export interface Phase {
  readonly shape: Shape;
  readonly durationMs: number;
  readonly poissonSeed?: number;
}

/** Open model: arrivals come when the schedule says, whatever the target does. */
export interface OpenArrival {
  readonly model: 'open';
  readonly phases: readonly Phase[];
  /** The same arrivals, and then those of `next`. */
  followedBy(next: OpenArrival): OpenArrival;
}

/** Open model from a recording: arrival k comes at `offsetsMs[k]`. */
export interface ReplayArrival {
  readonly model: 'replay';
  /** Rising, from 0. */
  readonly offsetsMs: Float64Array;
}

/** Closed model: a fixed number of users, each asking again only after its last answer and a pause. */
export interface ClosedArrival {
  readonly model: 'closed';
  readonly users: number;
  readonly thinkMinMs: number;
  readonly thinkMaxMs: number;
  /** Over how long the users come in, evenly. */
  readonly rampMs: number;
  readonly durationMs: number;
}

export type Arrival = OpenArrival | ReplayArrival | ClosedArrival;

/** An open arrival that lacks its duration. */
export interface OpenFor {
  for(duration: Duration): OpenArrival;
}

/** `constant('200/s').for('30s')`: one arrival every 5 ms. */
export function constant(rate: Rate): OpenFor {
  const perSecond = rateOf('constant(rate)', rate);
  return { for: (duration) => open([{ shape: { law: 'constant', perSecond }, durationMs: durationOf(duration) }]) };
}

/** `ramp('10/s', '500/s').for('1m')`: the rate grows (or falls) in a straight line. */
export function ramp(from: Rate, to: Rate): OpenFor {
  const shape: Shape = { law: 'ramp', fromPerSecond: rateOf('ramp(from)', from), toPerSecond: rateOf('ramp(to)', to) };
  return { for: (duration) => open([{ shape, durationMs: durationOf(duration) }]) };
}

export interface StepOptions {
  /** Rate of the first step. Default: `add`. */
  readonly from?: Rate;
  /** How much each further step adds. */
  readonly add: Rate;
  /** How many steps there are. */
  readonly times: number;
  /** How long each step lasts. */
  readonly each: Duration;
}

/** `steps({ from: '100/s', add: '50/s', times: 5, each: '10s' })`: a staircase of constant rates. */
export function steps(options: StepOptions): OpenArrival {
  const add = rateOf('steps({ add })', options.add);
  const from = options.from === undefined ? add : rateOf('steps({ from })', options.from);
  if (!Number.isInteger(options.times) || options.times < 1) refuse('steps({ times })', options.times, 'a whole number ≥ 1');
  const durationMs = durationOf(options.each);
  return open(
    Array.from({ length: options.times }, (_, step) => ({
      shape: { law: 'constant', perSecond: from + step * add },
      durationMs,
    })),
  );
}

export interface SineOptions {
  readonly mean: Rate;
  /** How far the rate swings to either side; at most `mean`. */
  readonly amplitude: Rate;
  readonly period: Duration;
}

/** `sine({ mean: '100/s', amplitude: '50/s', period: '1m' }).for('5m')`: the swell of a day, in miniature. */
export function sine(options: SineOptions): OpenFor {
  const meanPerSecond = rateOf('sine({ mean })', options.mean);
  const amplitudePerSecond = rateOf('sine({ amplitude })', options.amplitude);
  if (amplitudePerSecond > meanPerSecond)
    refuse('sine({ amplitude })', options.amplitude, 'at most the mean: a rate cannot fall below 0');
  const shape: Shape = { law: 'sine', meanPerSecond, amplitudePerSecond, periodMs: durationOf(options.period) };
  return { for: (duration) => open([{ shape, durationMs: durationOf(duration) }]) };
}

/**
 * Arrivals of independent users: gaps are exponential, and follow from `seed`. Of a rate, `poisson('200/s').for('30s')`,
 * or of any open arrival, `poisson(ramp('10/s', '500/s').for('1m'))`.
 */
export function poisson(rate: Rate, options?: { readonly seed?: number }): OpenFor;
export function poisson(arrival: OpenArrival, options?: { readonly seed?: number }): OpenArrival;
export function poisson(what: Rate | OpenArrival, options: { readonly seed?: number } = {}): OpenFor | OpenArrival {
  const seed = options.seed ?? 1;
  const random = (arrival: OpenArrival): OpenArrival =>
    open(arrival.phases.map((phase, at) => ({ ...phase, poissonSeed: seed + at })));
  if (typeof what === 'object') return random(what);
  const regular = constant(what);
  return { for: (duration) => random(regular.for(duration)) };
}

/** A closed arrival that lacks its duration; each method answers a new one. */
export interface ClosedFor {
  /** The pause between an answer and the user's next request: fixed, or evenly between two. Default none. */
  thinking(atLeast: Duration, atMost?: Duration): ClosedFor;
  /** Users come in evenly over this long. Default: at once. */
  rampingUp(over: Duration): ClosedFor;
  for(duration: Duration): ClosedArrival;
}

/** `users(100).thinking('1s').for('30s')`: a closed model of 100 users. */
export function users(count: number): ClosedFor {
  if (!Number.isInteger(count) || count < 1) refuse('users(count)', count, 'a whole number ≥ 1');
  return closed({ model: 'closed', users: count, thinkMinMs: 0, thinkMaxMs: 0, rampMs: 0, durationMs: 0 });
}

function closed(arrival: ClosedArrival): ClosedFor {
  return {
    thinking: (atLeast, atMost = atLeast) =>
      closed({ ...arrival, thinkMinMs: durationOf(atLeast), thinkMaxMs: Math.max(durationOf(atLeast), durationOf(atMost)) }),
    rampingUp: (over) => closed({ ...arrival, rampMs: durationOf(over) }),
    for: (duration) => ({ ...arrival, durationMs: durationOf(duration) }),
  };
}

function open(phases: readonly Phase[]): OpenArrival {
  return { model: 'open', phases, followedBy: (next) => open([...phases, ...next.phases]) };
}

/** How long an arrival goes on, in ms. */
export function arrivalDurationMs(arrival: Arrival): number {
  if (arrival.model === 'closed') return arrival.durationMs;
  if (arrival.model === 'replay') return (arrival.offsetsMs.at(-1) ?? 0) + 1;
  return arrival.phases.reduce((total, phase) => total + phase.durationMs, 0);
}

/** An arrival in words: `constant 200/s for 30s, then ramp 200/s to 500/s for 1m`. */
export function describeArrival(arrival: Arrival): string {
  if (arrival.model === 'replay')
    return `${arrival.offsetsMs.length} recorded requests over ${formatDuration(arrivalDurationMs(arrival))}`;
  if (arrival.model === 'closed') {
    const { users, thinkMinMs, thinkMaxMs, rampMs, durationMs } = arrival;
    const pause =
      thinkMaxMs === thinkMinMs ? formatDuration(thinkMinMs) : `${formatDuration(thinkMinMs)} to ${formatDuration(thinkMaxMs)}`;
    return `${users} users${thinkMaxMs > 0 ? ` thinking ${pause}` : ''}${rampMs > 0 ? `, ramping up over ${formatDuration(rampMs)}` : ''} for ${formatDuration(durationMs)}`;
  }
  return arrival.phases.map((phase) => `${describeShape(phase)} for ${formatDuration(phase.durationMs)}`).join(', then ');
}

function describeShape({ shape, poissonSeed }: Phase): string {
  const random = poissonSeed === undefined ? '' : 'Poisson ';
  if (shape.law === 'constant') return `${random || 'constant '}${formatRate(shape.perSecond)}`;
  if (shape.law === 'ramp') return `${random}ramp ${formatRate(shape.fromPerSecond)} to ${formatRate(shape.toPerSecond)}`;
  return `${random}sine ${formatRate(shape.meanPerSecond)} ± ${formatRate(shape.amplitudePerSecond)} every ${formatDuration(shape.periodMs)}`;
}

function rateOf(where: string, text: unknown): number {
  const perSecond = parseRate(text);
  return perSecond === undefined ? refuse(where, text, `a rate such as '500/s', '20/m' or '1000/h'`) : perSecond;
}

function durationOf(text: unknown): number {
  return parseDuration(text) ?? refuse('duration', text, `a duration such as '250ms', '30s' or '15m'`);
}

function refuse(where: string, value: unknown, expected: string): never {
  throw new ConfigError('arrival', [{ path: where, message: `${show(value)} is not allowed; expected ${expected}` }]);
}
