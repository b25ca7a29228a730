import { messageOf, SpillwayError, systemClock, type Clock } from '../kernel/index.ts';
import type { Bus, BusReceipt } from '../ports/index.ts';
import { ClusterBus } from './bus.ts';
import { Calls } from './calls.ts';
import { LAST_WORDS_FD, LastWords } from './last-words.ts';
import type { ToPrimary, ToWorker } from './messages.ts';
import { RequestGuard } from './request-guard.ts';

/** A worker's side of the cluster. */
export interface ClusterWorker {
  readonly id: number;
  /** Its place among the workers, from 0; a successor has its predecessor's. */
  readonly slot: number;
  /** Listening handles of the primary, by name, for `server.listen(handle)`. */
  readonly sockets: ReadonlyMap<string, object>;
  /**
   * Calls `fn` with each further handle to listen on: when workers are taken away, those that stay serve what waits in
   * their sockets. Without it such connections are lost.
   */
  onSocket(fn: (name: string, handle: object) => Promise<void> | void): void;
  /** Reaches the other workers and the primary. */
  readonly bus: Bus;
  /** Told of each request, it refuses those that kill worker after worker. */
  readonly guard: RequestGuard;
  /** Says that this worker serves: a reload goes on with the next one, and its predecessor is drained. */
  ready(): void;
  /**
   * Calls `fn` when this worker shall finish and end; the process exits when it has settled. `signal` aborts at the
   * deadline.
   */
  onDrain(fn: (signal: AbortSignal) => Promise<void> | void): void;
  /** Asks the primary. @throws SpillwayError SPILLWAY_WORKER_SILENT when it does not answer within `withinMs`. */
  ask(kind: string, payload: unknown, withinMs: number): Promise<unknown>;
  /** Answers the primary's questions of this kind. */
  answer(kind: string, fn: (payload: unknown) => unknown): void;
}

/** Whether this process was started by a cluster's primary. */
export function isClusterWorker(): boolean {
  return process.env['SPILLWAY_HEARTBEAT_MS'] !== undefined && process.connected === true;
}

/**
 * Joins the cluster whose primary started this process.
 *
 * @throws SpillwayError SPILLWAY_WORKER_FAILED when no primary did.
 */
export async function joinCluster(clock: Clock = systemClock): Promise<ClusterWorker> {
  if (!isClusterWorker()) {
    throw new SpillwayError('SPILLWAY_WORKER_FAILED', 'joinCluster() was called in a process that no primary started');
  }
  const worker = new JoinedWorker(clock);
  await worker.welcomed;
  return worker;
}

class JoinedWorker implements ClusterWorker {
  id = 0;
  slot = 0;
  readonly sockets = new Map<string, object>();
  readonly bus: ClusterBus;
  readonly guard: RequestGuard;
  readonly welcomed: Promise<void>;
  readonly #clock: Clock;
  readonly #calls: Calls;
  readonly #answers = new Map<string, (payload: unknown) => unknown>();
  readonly #adoptions: { readonly name: string; readonly handle: object; readonly call: number }[] = [];
  #onSocket: ((name: string, handle: object) => Promise<void> | void) | undefined;
  readonly #drains: ((signal: AbortSignal) => Promise<void> | void)[] = [];
  #expected: number | undefined;
  #markWelcomed!: () => void;
  #draining = false;
  #lastUtilisation = performance.eventLoopUtilization();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#calls = new Calls(clock);
    this.bus = new ClusterBus((channel, message) => this.#publish(channel, message));
    const words = process.env['SPILLWAY_LAST_WORDS'] === undefined ? undefined : new LastWords(LAST_WORDS_FD);
    this.guard = new RequestGuard(words, clock, (fingerprint) => send({ type: 'survived', fingerprint }));
    process.on('exit', () => this.#draining || this.guard.leaveWord());
    this.welcomed = new Promise((resolve) => (this.#markWelcomed = resolve));
    process.on('message', (message, handle) => this.#onMessage(message as ToWorker, handle as object | undefined));
    // Without its primary nobody would ever end it.
    process.once('disconnect', () => void this.#drain(5000));
    // The terminal and service managers signal the whole group: the primary decides what that means.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
    this.#clock.setRepeating(() => this.#beat(), Number(process.env['SPILLWAY_HEARTBEAT_MS']));
    send({ type: 'joined' });
  }

  ready(): void {
    send({ type: 'ready' });
  }

  onDrain(fn: (signal: AbortSignal) => Promise<void> | void): void {
    this.#drains.push(fn);
  }

  onSocket(fn: (name: string, handle: object) => Promise<void> | void): void {
    this.#onSocket = fn;
    for (const { name, handle, call } of this.#adoptions.splice(0)) this.#adopt(name, handle, call);
  }

  answer(kind: string, fn: (payload: unknown) => unknown): void {
    this.#answers.set(kind, fn);
  }

  /** Kept until somebody listens: it may come before the worker has got that far. */
  #adopt(name: string, handle: object, call: number): void {
    if (this.#onSocket) void reply(call, async () => this.#onSocket!(name, handle));
    else this.#adoptions.push({ name, handle, call });
  }

  ask(kind: string, payload: unknown, withinMs: number): Promise<unknown> {
    return this.#calls.make(withinMs, (call) => send({ type: 'ask', call, kind, payload }));
  }

  async #publish(channel: string, message: string): Promise<BusReceipt> {
    // The primary keeps the deadline of each worker; this one only guards against its loss.
    return (await this.#calls.make(60_000, (call) => send({ type: 'publish', call, channel, message }))) as BusReceipt;
  }

  #onMessage(message: ToWorker, handle: object | undefined): void {
    switch (message.type) {
      case 'welcome':
        this.id = message.id;
        this.slot = message.slot;
        this.#expected = message.sockets.length;
        return this.#checkWelcome();
      case 'socket':
        this.sockets.set(message.name, handle!);
        return this.#checkWelcome();
      case 'adopt':
        return this.#adopt(message.name, handle!, message.call);
      case 'ask':
        return void reply(message.call, async () => this.#answerTo(message.kind, message.payload));
      case 'deliver':
        return void reply(message.call, () => this.bus.deliver(message.channel, message.message));
      case 'answer':
        return this.#calls.answer(message.call, message.value);
      case 'failed':
        return this.#calls.fail(message.call, new Error(message.message));
      case 'published':
        return this.#calls.answer(message.call, { acknowledged: message.acknowledged, missing: message.missing });
      case 'guard':
        return this.guard.obey(message.orders);
      case 'drain':
        return void this.#drain(message.withinMs);
    }
  }

  #checkWelcome(): void {
    if (this.#expected === this.sockets.size) this.#markWelcomed();
  }

  #answerTo(kind: string, payload: unknown): unknown {
    const answer = this.#answers.get(kind);
    if (!answer) throw new Error(`this worker does not answer '${kind}'`);
    return answer(payload);
  }

  async #drain(withinMs: number): Promise<void> {
    if (this.#draining) return;
    this.#draining = true;
    const deadline = new AbortController();
    this.#clock.setTimer(() => deadline.abort(new Error('the drain deadline passed')), withinMs);
    const drained = Promise.allSettled(this.#drains.map(async (fn) => fn(deadline.signal)));
    // Half a second after the deadline nobody waits any longer.
    const late = this.#clock.sleep(withinMs + 500);
    await Promise.race([drained, late]);
    process.exit(0);
  }

  #beat(): void {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, this.#lastUtilisation);
    this.#lastUtilisation = now;
    const { refused } = this.guard;
    this.guard.refused = 0;
    send({ type: 'beat', utilisation: utilization, memoryBytes: process.memoryUsage.rss(), refused });
  }
}

async function reply(call: number, work: () => Promise<unknown>): Promise<void> {
  try {
    send({ type: 'answer', call, value: await work() });
  } catch (error) {
    send({ type: 'failed', call, message: messageOf(error) });
  }
}

function send(message: ToPrimary): void {
  if (process.connected) process.send!(message, undefined, undefined, () => {});
}
