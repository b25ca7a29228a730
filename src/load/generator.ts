import { performance } from 'node:perf_hooks';
import { parseOptions, seededRandom, systemClock, type Clock, type Timer } from '../kernel/index.ts';
import { arrivalDurationMs, type OpenArrival, type ReplayArrival } from './arrival.ts';
import { ClosedLoop } from './closed-loop.ts';
import type { LoadDefinition } from './definition.ts';
import type { Endpoint } from './http1/connection.ts';
import { Http1Pool } from './http1/pool.ts';
import { Http2Pool } from './http2/pool.ts';
import { Lanes } from './lanes.ts';
import { Measurement } from './measurement.ts';
import { OpenLoop, type Loop } from './open-loop.ts';
import type { LoadOptions } from './options.ts';
import { Player } from './player.ts';
import { cursorOf, type Turn } from './schedule.ts';
import { liveSockets, type ResolvedSockets } from './sockets/definition.ts';
import { SocketLoop } from './sockets/socket-loop.ts';
import { Timeline } from './timeline.ts';
import type { Transport, TransportStats } from './transport.ts';

/** Most requests of scenarios that may wait for a connection in one process. */
const MAX_WAITING = 100_000;
/** Timeouts are looked for a few times a second: what is given up at the very end has this long to be found, ms. */
const LAST_TIMEOUTS_MS = 250;
/** How often the last answers are looked for after the planned end, ms. */
const END_CHECK_MS = 10;

/** What every process of a run works from. */
export interface Plan {
  readonly definition: LoadDefinition;
  readonly options: LoadOptions;
  readonly endpoint: Endpoint;
}

/** What a generator needs from its process. */
export interface GeneratorRuntime {
  readonly clock: Clock;
  /** Opens the way to the target; by default HTTP/1.1 over net or tls. */
  readonly openTransport?: (plan: Plan, connections: number) => Transport;
  /** The share of time the event loop was busy since the last call, 0 to 1. */
  readonly busy?: () => number;
}

/** What a process reports beside its measurement. */
export interface GeneratorUse {
  /** Share of the run its event loop was busy. */
  readonly busy: number;
  readonly transport: TransportStats;
}

/** One process's share of a run: prepared, then started at an agreed moment, then measured. */
export class Generator {
  readonly measurement: Measurement;
  readonly durationMs: number;
  readonly #plan: Plan;
  readonly #sockets: ResolvedSockets | undefined;
  readonly #clock: Clock;
  readonly #turn: Turn;
  readonly #transport: Transport;
  readonly #busy: () => number;
  readonly #abort = new AbortController();
  #busySum = 0;
  #busySamples = 0;
  #stopRequested = false;
  #askForEnd: () => void = () => {};

  constructor(plan: Plan, turn: Turn, runtime: GeneratorRuntime) {
    this.#plan = plan;
    this.#turn = turn;
    this.#clock = runtime.clock;
    this.#sockets = socketsOf(plan.definition);
    this.durationMs = runDurationMs(plan.definition);
    this.measurement = new Measurement(new Timeline(this.durationMs));
    const connections = shareOf(plan.definition.sockets ? (plan.options.connections ?? 64) : connectionsOf(plan), turn);
    this.#transport = runtime.openTransport?.(plan, connections) ?? openHttp(plan, connections, runtime.clock);
    this.#busy = runtime.busy ?? (runtime.clock === systemClock ? eventLoopBusy() : () => 0);
  }

  /** Opens the connections. */
  async prepare(): Promise<void> {
    if (!this.#sockets || this.#sockets.post !== undefined) await this.#transport.open();
  }

  /**
   * Runs from `startMs` (monotonic) until everything planned has an outcome, or the timeout after the end has passed.
   * `data` is what `setup` returned.
   */
  async run(startMs: number, data: unknown): Promise<GeneratorUse> {
    const { definition, options } = this.#plan;
    const lanes = new Lanes({
      transport: this.#transport,
      measurement: this.measurement,
      clock: this.#clock,
      startMs,
      timeoutMs: options.timeout,
      maxWaiting: MAX_WAITING,
    });
    const player = new Player({
      definition,
      lanes,
      measurement: this.measurement,
      clock: this.#clock,
      keepAlive: options.keepAlive,
      seed: options.seed,
      data,
      signal: this.#abort.signal,
    });
    const loop = this.#loopOf(player, lanes);
    if (startMs > this.#clock.monotonic()) await this.#clock.sleep(startMs - this.#clock.monotonic());
    const sampling = this.#sampleBusy(lanes);
    loop.start();
    await this.#end(loop, lanes);
    sampling.cancel();
    loop.stop();
    this.#abort.abort(new Error('the run has ended'));
    const transport = this.#transport.stats;
    lanes.close();
    return { busy: this.#busySamples === 0 ? 0 : this.#busySum / this.#busySamples, transport };
  }

  /** Ends the run early. */
  stop(): void {
    this.#stopRequested = true;
    this.#askForEnd();
  }

  #loopOf(player: Player, lanes: Lanes): Loop {
    const { definition, options } = this.#plan;
    const shared = { player, lanes, measurement: this.measurement, clock: this.#clock };
    const { arrival } = definition;
    if (arrival.model === 'closed') return new ClosedLoop({ ...shared, arrival, turn: this.#turn });
    if (this.#sockets) return this.#socketLoop(this.#sockets, arrival, lanes);
    const maxUsers = shareOf(options.maxUsers, this.#turn);
    return new OpenLoop({
      ...shared,
      cursor: cursorOf(arrival, this.#turn),
      timeoutMs: options.timeout,
      maxUsers,
      punctualUntilMs: punctualUntil(this.durationMs),
    });
  }

  #socketLoop(sockets: ResolvedSockets, arrival: OpenArrival | ReplayArrival, lanes: Lanes): Loop {
    const { definition, options, endpoint } = this.#plan;
    return new SocketLoop({
      sockets: { ...sockets, headers: { ...definition.headers, ...sockets.headers } },
      arrival,
      turn: this.#turn,
      endpoint,
      authority: new URL(definition.target).host,
      lanes,
      measurement: this.measurement,
      clock: this.#clock,
      random: seededRandom(options.seed + this.#turn.worker),
      durationMs: this.durationMs,
    });
  }

  /** Waits until the loop has nothing left to do, the drain has taken too long, or somebody asked for the end. */
  async #end(loop: Loop, lanes: Lanes): Promise<void> {
    const { promise: asked, resolve } = Promise.withResolvers<void>();
    this.#askForEnd = resolve;
    if (this.#stopRequested) resolve();
    const planned = this.#clock.setTimer(resolve, this.durationMs - lanes.elapsedMs(), { keepAlive: true });
    await asked;
    planned.cancel();
    if (this.#plan.definition.arrival.model === 'closed') loop.stop();
    const deadlineMs = this.durationMs + this.#plan.options.timeout + LAST_TIMEOUTS_MS;
    while (!this.#stopRequested && !loop.idle && lanes.elapsedMs() <= deadlineMs) await this.#clock.sleep(END_CHECK_MS);
  }

  #sampleBusy(lanes: Lanes): Timer {
    this.#busy();
    return this.#clock.setRepeating(() => {
      const busy = this.#busy();
      const elapsedMs = lanes.elapsedMs();
      const point = this.measurement.timeline.at(elapsedMs - 1);
      point.busy = Math.max(point.busy, busy);
      // While nothing begins, as in a stall, what is in flight is still there.
      point.peakInFlight = Math.max(point.peakInFlight, this.measurement.inFlight);
      if (elapsedMs > this.durationMs + this.measurement.timeline.intervalMs) return;
      this.#busySum += busy;
      this.#busySamples++;
    }, this.measurement.timeline.intervalMs);
  }
}

/** What a definition says of connections that stay, resolved. */
export function socketsOf({ sockets }: LoadDefinition): ResolvedSockets | undefined {
  return sockets && parseOptions(liveSockets, sockets, 'sockets');
}

/** How long a run is planned to last, ms: its arrival, and before it the time connections that stay take to come in. */
export function runDurationMs(definition: LoadDefinition): number {
  return arrivalDurationMs(definition.arrival) + (socketsOf(definition)?.ramp ?? 0);
}

/** A second, or a tenth of the run: a stall near the end is a finding, a backlog that keeps growing is a rate that was missed. */
function punctualUntil(durationMs: number): number {
  return durationMs + Math.max(1000, durationMs / 10);
}

/** Connections over all workers. */
export function connectionsOf({ definition, options }: Plan): number {
  if (definition.sockets) return definition.sockets.count;
  if (options.connections !== undefined) return options.connections;
  if (options.http2) return options.workers;
  return definition.arrival.model === 'closed' ? definition.arrival.users : 64;
}

/** The part of `total` that falls to one of several workers; at least 1. */
function shareOf(total: number, { worker, workers }: Turn): number {
  return Math.max(1, Math.floor(total / workers) + (worker < total % workers ? 1 : 0));
}

/** Requests at once on one HTTP/2 connection: what RFC 9113 asks servers to allow at least. */
const STREAMS = 100;

/** The way to the plan's endpoint that its options ask for. */
export function openHttp({ definition, endpoint, options }: Plan, connections: number, clock: Clock): Transport {
  const { pipelining, keepAlive, timeout, http2 } = options;
  if (http2) {
    const authority = new URL(definition.target).host;
    return new Http2Pool({ endpoint, authority, connections, streams: STREAMS, timeoutMs: timeout, clock });
  }
  return new Http1Pool({ endpoint, connections, pipelining, keepAlive, timeoutMs: timeout, clock });
}

function eventLoopBusy(): () => number {
  let last = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization;
  };
}
