/**
 * Simulates fleets of servers behind gateways, to compare how strategies spread requests. Deterministic: a seed replays a
 * run. Each gateway has a balancer of its own and knows only what it sees itself.
 */
import { createBalancer } from '../../src/balance/index.ts';
import { Histogram, seededRandom, type Clock, type Random } from '../../src/kernel/index.ts';
import { STRATEGIES, type Strategy } from '../../src/policy/index.ts';

export interface Fleet {
  readonly name: string;
  readonly what: string;
  readonly servers: number;
  readonly gateways: number;
  /** Requests a server works on at once. */
  readonly concurrency: number;
  readonly serviceMs: number;
  /** Load offered, as a share of what the fleet can do with all servers at their usual pace. */
  readonly load: number;
  readonly seconds: number;
  /** How many times slower than usual a server is at a time. */
  slowness(server: number, nowMs: number): number;
  /** Load offered at a time, beside {@link load}. */
  burst?(nowMs: number): number;
}

export const FLEETS: readonly Fleet[] = [
  {
    name: 'equal',
    what: '10 equal servers at 75 %, pauses of 300 ms',
    ...base(),
    slowness: () => 1,
  },
  {
    name: 'two slow 3 ×',
    what: '2 of 10 servers 3 times slower, 75 % of what is left',
    ...base(),
    load: 0.75 * (8 + 2 / 3) * 0.1,
    slowness: (server) => (server < 2 ? 3 : 1),
  },
  {
    name: 'bursts',
    what: '50 % load, every other second 90 %',
    ...base(),
    load: 0.5,
    slowness: () => 1,
    burst: (nowMs) => (Math.floor(nowMs / 1000) % 2 === 0 ? 1 : 1.8),
  },
  {
    name: 'cold starts',
    what: 'each server in turn 5 times slower for 2 s, as after a restart',
    ...base(),
    load: 0.65,
    slowness: (server, nowMs) => (Math.floor(nowMs / 2000) % 10 === server ? 5 : 1),
  },
  {
    name: 'brown-out',
    what: '1 of 10 servers 10 times slower in the middle half of the run, 60 %',
    ...base(),
    load: 0.6,
    slowness: (server, nowMs) => (server === 3 && nowMs > 5000 && nowMs < 15_000 ? 10 : 1),
  },
];

function base() {
  return { servers: 10, gateways: 4, concurrency: 4, serviceMs: 10, load: 0.75, seconds: 20 };
}

/** Our strategies, and the field's two random choices by requests in flight. */
export const CONTENDERS = [...STRATEGIES.filter((name) => !/hash/i.test(name) && name !== 'weighted'), 'twoChoices'] as const;
export type ContenderName = Strategy | 'twoChoices';

interface Picker {
  pick(): number;
  report(server: number, latencyMs: number): void;
}

/** Time to answer, ms. */
export interface Tail {
  readonly p50: number;
  readonly p99: number;
  readonly requests: number;
}

/** Runs one fleet under one strategy and returns how long requests took. */
export function simulate(fleet: Fleet, contender: ContenderName, seed = 1): Tail {
  const events = new EventQueue();
  const random = seededRandom(seed);
  const pickers = Array.from({ length: fleet.gateways }, (_, gateway) =>
    contender === 'twoChoices'
      ? twoChoices(fleet.servers, random)
      : ours(fleet.servers, contender, events, seededRandom(seed * 100 + gateway)),
  );
  const servers = Array.from({ length: fleet.servers }, () => new SimulatedServer());
  const histogram = new Histogram(7);
  const endMs = fleet.seconds * 1000;
  const perMs = (fleet.load * fleet.servers * fleet.concurrency) / fleet.serviceMs;

  const begin = (server: number, doneFor: (nowMs: number) => void): void => {
    const takesMs = -Math.log(1 - random.next()) * fleet.serviceMs * fleet.slowness(server, events.nowMs);
    const pauseMs = Math.max(0, servers[server]!.pausedUntilMs - events.nowMs);
    events.at(events.nowMs + pauseMs + takesMs, () => {
      doneFor(events.nowMs);
      const next = servers[server]!.waiting.shift();
      if (next) begin(server, next);
      else servers[server]!.busy--;
    });
  };
  const arrive = (): void => {
    const rate = perMs * (fleet.burst?.(events.nowMs) ?? 1);
    events.at(events.nowMs - Math.log(1 - random.next()) / rate, arrive);
    const picker = pickers[Math.floor(random.next() * pickers.length)]!;
    const server = picker.pick();
    const startMs = events.nowMs;
    const done = (nowMs: number): void => {
      picker.report(server, nowMs - startMs);
      if (startMs > 2000) histogram.record((nowMs - startMs) * 1000);
    };
    if (servers[server]!.busy < fleet.concurrency) {
      servers[server]!.busy++;
      begin(server, done);
    } else servers[server]!.waiting.push(done);
  };
  const pause = (): void => {
    events.at(events.nowMs + 2000 * random.next(), pause);
    servers[Math.floor(random.next() * servers.length)]!.pausedUntilMs = events.nowMs + 300;
  };
  arrive();
  pause();
  events.run(endMs);
  return { p50: histogram.quantile(0.5) / 1000, p99: histogram.quantile(0.99) / 1000, requests: histogram.count };
}

export const SEEDS = [1, 2, 3, 4, 5];

/** The p99, ms, in the median of the seeds: one run's tail is a matter of when the pauses come. */
export function medianTail(fleet: Fleet, contender: ContenderName): number {
  const tails = SEEDS.map((seed) => simulate(fleet, contender, seed).p99);
  return tails.sort((a, b) => a - b)[SEEDS.length >> 1]!;
}

class SimulatedServer {
  busy = 0;
  pausedUntilMs = 0;
  readonly waiting: ((nowMs: number) => void)[] = [];
}

function ours(servers: number, strategy: Strategy, clock: Clock, random: Random): Picker {
  const endpoints = Array.from({ length: servers }, (_, server) => `http://server-${server}:80`);
  const balancer = createBalancer({ endpoints, strategy }, { clock, random });
  const numbers = new Map(balancer.endpoints.map((endpoint, server) => [endpoint, server]));
  return {
    pick: () => numbers.get(balancer.pick()!)!,
    report: (server, latencyMs) => balancer.report(balancer.endpoints[server]!, 'success', latencyMs),
  };
}

function twoChoices(servers: number, random: Random): Picker {
  const inFlight = new Array<number>(servers).fill(0);
  return {
    pick: () => {
      const [a, b] = [Math.floor(random.next() * servers), Math.floor(random.next() * servers)];
      const server = inFlight[a]! <= inFlight[b]! ? a : b;
      inFlight[server]!++;
      return server;
    },
    report: (server) => void inFlight[server]!--,
  };
}

/** Simulated time: a heap of what happens when. Faster than a clock that lets promises settle between events. */
class EventQueue implements Clock {
  nowMs = 0;
  readonly #heap: { readonly atMs: number; readonly fn: () => void }[] = [];

  now(): number {
    return this.nowMs;
  }

  monotonic(): number {
    return this.nowMs;
  }

  setTimer(fn: () => void, delayMs: number) {
    const timer = { cancelled: false };
    this.at(this.nowMs + delayMs, () => void (timer.cancelled || fn()));
    return { cancel: () => void (timer.cancelled = true) };
  }

  setRepeating(): never {
    throw new Error('nothing repeats in this simulation');
  }

  sleep(): never {
    throw new Error('nothing sleeps in this simulation');
  }

  at(atMs: number, fn: () => void): void {
    const heap = this.#heap;
    let place = heap.push({ atMs, fn }) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (heap[parent]!.atMs <= heap[place]!.atMs) break;
      [heap[parent], heap[place]] = [heap[place]!, heap[parent]!];
      place = parent;
    }
  }

  run(untilMs: number): void {
    for (let next = this.#take(); next && next.atMs <= untilMs; next = this.#take()) {
      this.nowMs = next.atMs;
      next.fn();
    }
  }

  #take() {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (!first || !last || first === last) return first;
    heap[0] = last;
    for (let place = 0; ;) {
      const left = 2 * place + 1;
      let least = place;
      if (left < heap.length && heap[left]!.atMs < heap[least]!.atMs) least = left;
      if (left + 1 < heap.length && heap[left + 1]!.atMs < heap[least]!.atMs) least = left + 1;
      if (least === place) return first;
      [heap[least], heap[place]] = [heap[place]!, heap[least]!];
      place = least;
    }
  }
}
