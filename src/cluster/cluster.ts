import {
  backoffMs,
  Events,
  parseOptions,
  runtimeFrom,
  SpillwayError,
  type Clock,
  type Counter,
  type Random,
  type Runtime,
  type Timer,
} from '../kernel/index.ts';
import type { Bus, BusReceipt } from '../ports/index.ts';
import { ClusterBus } from './bus.ts';
import type { ClusterEvents } from './events.ts';
import { LoadWatch } from './load-watch.ts';
import { clusterSchema, type ClusterOptions, type ClusterSettings } from './options.ts';
import { Quarantine } from './quarantine.ts';
import { SlotSockets } from './sockets.ts';
import { WorkerProcess, type WorkerState } from './worker-process.ts';

export interface WorkerStatus {
  readonly id: number;
  readonly slot: number;
  /** 0 where it is drained. */
  readonly pid: number;
  /** `drained`: taken out of service by hand; its place is empty until it is replaced. */
  readonly state: WorkerState | 'drained';
  readonly upMs: number;
  /** Share of the last second its event loop was busy, 0 to 1. */
  readonly utilisation: number;
  readonly memoryBytes: number;
}

/** What one worker answered. */
export type WorkerAnswer =
  | { readonly id: number; readonly slot: number; readonly ok: true; readonly value: unknown }
  | { readonly id: number; readonly slot: number; readonly ok: false; readonly error: Error };

/** The primary's side of a cluster of worker processes. */
export interface Cluster {
  readonly events: Events<ClusterEvents>;
  /** Reaches all workers. */
  readonly bus: Bus;
  /** The port of each socket, by name, once started. */
  readonly ports: Readonly<Record<string, number>>;
  /** Resolves when all workers are ready. @throws SpillwayError when one of them fails to start; the others are ended. */
  start(): Promise<void>;
  /** Has every worker finish what it does, and ends them. */
  stop(): Promise<void>;
  /**
   * Replaces the workers one by one; each is drained only when its successor is ready, and the next one is begun with
   * meanwhile, as long as no more than half of them drain. Resolves when the last one has ended.
   *
   * @throws SpillwayError SPILLWAY_WORKER_FAILED when a successor does not become ready: its predecessor, and all after
   *   it, go on serving.
   */
  reload(): Promise<void>;
  /**
   * Serves with so many workers from now on. Resolves when new ones are ready, or when those taken away have finished their
   * requests; what waits in their sockets is served by the others.
   */
  scale(workers: number): Promise<void>;
  /** Replaces one worker as {@link reload} does each; a drained one's place is filled again. */
  replace(id: number): Promise<void>;
  /**
   * Takes one worker out of service: another one takes its connections, it finishes its requests and ends, and its place
   * stays empty, whatever is reloaded, until {@link replace} fills it. Resolves when it has ended.
   *
   * @throws SpillwayError SPILLWAY_WORKER_FAILED when there is no such worker, or no other that could take its connections.
   */
  drainWorker(id: number): Promise<void>;
  status(): readonly WorkerStatus[];
  /** Asks one worker, ready or not. @throws SpillwayError SPILLWAY_WORKER_FAILED when there is none of that id, or it fails. */
  askWorker(id: number, kind: string, payload?: unknown): Promise<unknown>;
  /** Answers the workers' questions of this kind. */
  answer(kind: string, fn: (payload: unknown, workerId: number) => unknown): void;
  /** Asks every ready worker, and waits for each at most `askTimeout`. */
  ask(kind: string, payload?: unknown): Promise<readonly WorkerAnswer[]>;
}

/**
 * A cluster of worker processes under this one.
 *
 * @throws ConfigError when the options are wrong.
 */
export function createCluster(options: ClusterOptions, runtime: Partial<Runtime> = {}): Cluster {
  return new ProcessCluster(parseOptions(clusterSchema, options, 'createCluster(options)'), runtimeFrom(runtime));
}

/** One place for a worker. During a reload its successor stands beside it. */
interface Slot {
  readonly number: number;
  /** Numbers of the slots whose sockets its worker listens on: its own, and those of slots taken away. */
  readonly sockets: Set<number>;
  worker: WorkerProcess | undefined;
  /** Id of the worker that was taken out of service here, when one was and nobody has come since. */
  drained: number | undefined;
  /** Failures in a row. */
  failures: number;
  restart: Timer | undefined;
}

function newSlot(number: number): Slot {
  return { number, sockets: new Set([number]), worker: undefined, drained: undefined, failures: 0, restart: undefined };
}

function serves({ worker }: Slot): boolean {
  return worker?.state === 'ready';
}

/** A worker that ran this long was no failed start: the backoff begins anew. */
const STABLE_MS = 30_000;

class ProcessCluster implements Cluster {
  readonly events = new Events<ClusterEvents>();
  readonly bus: ClusterBus;
  readonly #settings: ClusterSettings;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #sockets: ReadonlyMap<string, SlotSockets>;
  readonly #loadWatch: LoadWatch;
  readonly #quarantine: Quarantine;
  readonly #refused: Counter;
  /** By number, without gaps. */
  readonly #slots: Slot[];
  /** All processes that live, successors and draining ones too. */
  readonly #workers = new Set<WorkerProcess>();
  readonly #answers = new Map<string, (payload: unknown, workerId: number) => unknown>();
  #lastId = 0;
  #stopping: Promise<void> | undefined;
  /** Changes of the workers wait for each other: a reload in the midst of a scaling would lose count. */
  #changing: Promise<unknown> = Promise.resolve();
  #scalingByLoad = false;
  readonly #replacing = new Set<Slot>();
  #watch: Timer | undefined;

  constructor(settings: ClusterSettings, { clock, random, metrics }: Runtime) {
    this.#settings = settings;
    this.#clock = clock;
    this.#random = random;
    this.bus = new ClusterBus((channel, message) => this.#relay(channel, message, undefined));
    this.#sockets = new Map(
      Object.entries(settings.sockets).map(([name, { host, port }]) => [name, new SlotSockets(host, port)]),
    );
    this.#loadWatch = new LoadWatch(settings.scaling);
    this.#quarantine = new Quarantine(settings.poison, clock);
    this.#slots = Array.from({ length: settings.workers.min }, (_, number) => newSlot(number));
    const workers = metrics.gauge({ name: 'spillway_cluster_workers', help: 'Worker processes, by state.', labels: ['state'] });
    metrics.onCollect(() => {
      for (const state of ['starting', 'ready', 'draining'] as const)
        workers.series({ state }).set([...this.#workers].filter((worker) => worker.state === state).length);
    });
    const restarts = metrics.counter({
      name: 'spillway_cluster_worker_failures',
      help: 'Workers that ended without being asked to.',
    });
    this.events.on('workerFailed', () => restarts.series().inc());
    const quarantined = metrics
      .gauge({ name: 'spillway_cluster_requests_quarantined', help: 'Kinds of requests refused because they kill workers.' })
      .series();
    metrics.onCollect(() => quarantined.set(this.#quarantine.size));
    this.#refused = metrics
      .counter({ name: 'spillway_cluster_requests_refused', help: 'Requests refused because those like them kill workers.' })
      .series();
  }

  get ports(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#sockets].map(([name, sockets]) => [name, sockets.port]));
  }

  async start(): Promise<void> {
    for (const slot of this.#slots) slot.worker = this.#launch(slot);
    this.#watch = this.#clock.setRepeating(() => this.#look(), Math.min(500, this.#settings.silentAfterMs / 4));
    try {
      await Promise.all(this.#slots.map((slot) => slot.worker!.ready));
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  stop(): Promise<void> {
    return (this.#stopping ??= this.#stop());
  }

  reload(): Promise<void> {
    return this.#change(() => this.#replaceAll());
  }

  scale(workers: number): Promise<void> {
    return this.#change(() => this.#scaleTo(workers, 'asked'));
  }

  async replace(id: number): Promise<void> {
    const slot = this.#slotOf(id);
    await this.#change(() => this.#replaceIn(slot));
  }

  drainWorker(id: number): Promise<void> {
    return this.#change(() => this.#empty(this.#slotOf(id)));
  }

  status(): readonly WorkerStatus[] {
    const now = this.#clock.monotonic();
    const living = [...this.#workers].map(({ id, slot, pid, state, startedMs, utilisation, memoryBytes }) => ({
      id,
      slot,
      pid,
      state,
      upMs: now - startedMs,
      utilisation,
      memoryBytes,
    }));
    const drained = this.#slots.flatMap(({ number, drained: id }) =>
      id === undefined ? [] : [{ id, slot: number, pid: 0, state: 'drained' as const, upMs: 0, utilisation: 0, memoryBytes: 0 }],
    );
    // Of one that ends just now there is more to tell.
    return [...living, ...drained.filter(({ id }) => !living.some((one) => one.id === id))].sort(
      (a, b) => a.slot - b.slot || a.id - b.id,
    );
  }

  ask(kind: string, payload: unknown = undefined): Promise<readonly WorkerAnswer[]> {
    const ready = [...this.#workers].filter((worker) => worker.state === 'ready');
    return Promise.all(
      ready.map(async (worker): Promise<WorkerAnswer> => {
        const { id, slot } = worker;
        try {
          return { id, slot, ok: true, value: await worker.ask(kind, payload, this.#settings.askTimeoutMs) };
        } catch (error) {
          return { id, slot, ok: false, error: error as Error };
        }
      }),
    );
  }

  async askWorker(id: number, kind: string, payload: unknown = undefined): Promise<unknown> {
    const worker = [...this.#workers].find((one) => one.id === id);
    if (!worker) throw new SpillwayError('SPILLWAY_WORKER_FAILED', `there is no worker ${id}`);
    return worker.ask(kind, payload, this.#settings.askTimeoutMs);
  }

  answer(kind: string, fn: (payload: unknown, workerId: number) => unknown): void {
    this.#answers.set(kind, fn);
  }

  async #answerTo(worker: WorkerProcess, kind: string, payload: unknown): Promise<unknown> {
    const answer = this.#answers.get(kind);
    if (!answer) throw new Error(`the primary does not answer '${kind}'`);
    return answer(payload, worker.id);
  }

  async #stop(): Promise<void> {
    for (const slot of this.#slots) slot.restart?.cancel();
    await Promise.all([...this.#workers].map((worker) => worker.drain()));
    this.#watch?.cancel();
    for (const sockets of this.#sockets.values()) sockets.close();
  }

  #slotOf(id: number): Slot {
    const slot = this.#slots.find(({ worker, drained }) => worker?.id === id || drained === id);
    if (!slot) throw new SpillwayError('SPILLWAY_WORKER_FAILED', `there is no worker ${id}`);
    return slot;
  }

  #change(work: () => Promise<void>): Promise<void> {
    const changed = this.#changing.then(() => (this.#stopping ? undefined : work()));
    this.#changing = changed.catch(() => {});
    return changed;
  }

  async #replaceAll(): Promise<void> {
    const draining = new Set<Promise<void>>();
    const most = Math.max(1, this.#slots.length >>> 1);
    try {
      for (const slot of this.#slots.filter(({ drained }) => drained === undefined)) {
        if (draining.size >= most) await Promise.race(draining);
        const predecessor = await this.#succeed(slot);
        if (!predecessor) continue;
        const drained = predecessor.drain().then(() => void draining.delete(drained));
        draining.add(drained);
      }
    } finally {
      await Promise.all(draining);
    }
  }

  async #replaceIn(slot: Slot): Promise<void> {
    await (await this.#succeed(slot))?.drain();
  }

  /** Puts a successor in a slot, once it is ready, and returns the worker to drain. One that never is changes nothing. */
  async #succeed(slot: Slot): Promise<WorkerProcess | undefined> {
    if (this.#stopping) return undefined;
    this.#replacing.add(slot);
    try {
      const successor = this.#launch(slot);
      await successor.ready;
      slot.restart?.cancel();
      const predecessor = slot.worker;
      slot.worker = successor;
      slot.failures = 0;
      if (slot.drained !== undefined) this.#takeBack(slot);
      return predecessor;
    } finally {
      this.#replacing.delete(slot);
    }
  }

  async #scaleTo(workers: number, why: 'asked' | 'load'): Promise<void> {
    if (workers === this.#slots.length) return;
    while (this.#slots.length > Math.max(1, workers)) await this.#takeAway();
    const added: WorkerProcess[] = [];
    while (this.#slots.length < workers) {
      const slot = newSlot(this.#slots.length);
      this.#slots.push(slot);
      added.push((slot.worker = this.#launch(slot)));
    }
    await Promise.all(added.map((worker) => worker.ready));
    this.events.emit('scaled', { workers: this.#slots.length, why });
  }

  /** Takes the last slot away. */
  async #takeAway(): Promise<void> {
    const slot = this.#slots.pop()!;
    slot.restart?.cancel();
    // A worker that does not take them leaves the sockets to its successor: connections wait in them.
    await this.#bequeath(slot, this.#slots.find(serves) ?? this.#slots[0]!).catch(() => {});
    await this.#drainOut(slot);
  }

  /** Takes a slot's worker out of service, when another one can take what it would have got. */
  async #empty(slot: Slot): Promise<void> {
    if (slot.drained !== undefined) return;
    const heir = this.#slots.find((one) => one !== slot && serves(one));
    if (!heir) throw new SpillwayError('SPILLWAY_WORKER_FAILED', 'no other worker is ready to take its connections');
    await this.#bequeath(slot, heir);
    slot.restart?.cancel();
    slot.drained = slot.worker!.id;
    await this.#drainOut(slot);
  }

  async #drainOut(slot: Slot): Promise<void> {
    const { worker } = slot;
    slot.worker = undefined;
    await worker?.drain();
  }

  /** Another slot's worker, and all after it, listen on the sockets of this one too. */
  async #bequeath(slot: Slot, heir: Slot): Promise<void> {
    for (const number of slot.sockets) heir.sockets.add(number);
    const { worker } = heir;
    if (worker) await Promise.all([...slot.sockets].map((number) => this.#adopt(worker, number)));
  }

  /** A slot is in service again: whoever comes after its heir's worker need not listen for it. */
  #takeBack(slot: Slot): void {
    slot.drained = undefined;
    for (const other of this.#slots) if (other !== slot) for (const number of slot.sockets) other.sockets.delete(number);
  }

  async #adopt(worker: WorkerProcess, number: number): Promise<void> {
    const adoptions = [...this.#sockets].map(([name, sockets]) =>
      worker.adopt(name, sockets.ofSlot(number), this.#settings.askTimeoutMs),
    );
    await Promise.all(adoptions);
  }

  #launch(slot: Slot): WorkerProcess {
    const sockets = new Map([...this.#sockets].map(([name, bound]) => [name, bound.ofSlot(slot.number)]));
    const worker = new WorkerProcess(
      { id: ++this.#lastId, slot: slot.number },
      this.#settings,
      sockets,
      {
        onAsk: (from, kind, payload) => this.#answerTo(from, kind, payload),
        onPublish: (from, call, channel, message) => void this.#publishFor(from, call, channel, message),
        guardOrders: () => this.#quarantine.orders(),
        onSurvived: (fingerprint) => this.#quarantine.onSurvived(fingerprint),
        onRefused: (requests) => this.#refused.inc(requests),
        onExit: (ended, reason, inFlight) => this.#onExit(slot, ended, reason, inFlight),
      },
      this.#clock,
    );
    this.#workers.add(worker);
    for (const number of slot.sockets) if (number !== slot.number) this.#adopt(worker, number).catch(() => {});
    worker.ready.then(
      () => this.events.emit('workerReady', { id: worker.id, slot: slot.number, pid: worker.pid }),
      () => {},
    );
    return worker;
  }

  #onExit(slot: Slot, worker: WorkerProcess, reason: string, inFlight: readonly string[]): void {
    this.#workers.delete(worker);
    this.events.emit('workerGone', { id: worker.id, slot: slot.number });
    if (worker.state !== 'draining') this.#accuse(inFlight);
    // Draining workers end as asked; a successor that fails leaves its predecessor in the slot.
    if (worker.state === 'draining' || slot.worker !== worker || this.#stopping) return;
    if (this.#clock.monotonic() - worker.startedMs > STABLE_MS) slot.failures = 0;
    const { baseMs, maxMs } = this.#settings.restartBackoff;
    const restartMs = backoffMs(this.#random, slot.failures++, baseMs, maxMs);
    slot.worker = undefined;
    this.events.emit('workerFailed', { id: worker.id, slot: slot.number, reason, restartMs });
    slot.restart = this.#clock.setTimer(() => (slot.worker = this.#launch(slot)), restartMs, { keepAlive: true });
  }

  /** What a worker died with may have killed it. */
  #accuse(inFlight: readonly string[]): void {
    for (const verdict of this.#quarantine.onDeath(inFlight)) this.events.emit('requestQuarantined', verdict);
    this.#orderGuards();
  }

  #orderGuards(): void {
    const orders = this.#quarantine.orders();
    for (const worker of this.#workers) worker.guard(orders);
  }

  #look(): void {
    const nowMs = this.#clock.monotonic();
    if (this.#quarantine.tick()) this.#orderGuards();
    for (const worker of this.#workers) this.#replaceSilent(worker, nowMs);
    for (const slot of this.#slots) this.#replaceLarge(slot);
    this.#followLoad(nowMs);
  }

  /** A worker whose event loop stands still sends no heartbeat, and only a signal can end it. */
  #replaceSilent(worker: WorkerProcess, nowMs: number): void {
    // A starting worker loads its modules: its ready timeout watches it.
    if (worker.state === 'starting' || nowMs - worker.heardMs < this.#settings.silentAfterMs) return;
    this.events.emit('workerStuck', { id: worker.id, slot: worker.slot, pid: worker.pid });
    worker.kill();
  }

  #replaceLarge(slot: Slot): void {
    const { worker } = slot;
    const { maxMemoryBytes } = this.#settings;
    if (!worker || maxMemoryBytes === undefined || worker.memoryBytes <= maxMemoryBytes || this.#replacing.has(slot)) return;
    this.#replacing.add(slot);
    this.events.emit('workerTooLarge', { id: worker.id, slot: slot.number, memoryBytes: worker.memoryBytes });
    void this.#change(() => this.#replaceIn(slot)).catch(() => {});
  }

  #followLoad(nowMs: number): void {
    const { min, max } = this.#settings.workers;
    if (min === max || this.#scalingByLoad) return;
    const ready = [...this.#workers].filter((worker) => worker.state === 'ready');
    const change = this.#loadWatch.decide(
      ready.map((worker) => worker.utilisation),
      nowMs,
    );
    const wanted = Math.min(max, Math.max(min, this.#slots.length + change));
    if (change === 0 || wanted === this.#slots.length) return;
    this.#scalingByLoad = true;
    void this.#change(() => this.#scaleTo(wanted, 'load'))
      .catch(() => {})
      .finally(() => (this.#scalingByLoad = false));
  }

  async #publishFor(from: WorkerProcess, call: number, channel: string, message: string): Promise<void> {
    const { acknowledged, missing } = await this.#relay(channel, message, from);
    from.published(call, acknowledged, missing);
  }

  /** To every other process, starting and draining ones too: they may hold or be filling what the message is about. */
  async #relay(channel: string, message: string, from: WorkerProcess | undefined): Promise<BusReceipt> {
    const others = [...this.#workers].filter((worker) => worker !== from);
    const deliveries: Promise<unknown>[] = others.map((worker) => worker.deliver(channel, message, this.#settings.askTimeoutMs));
    if (from) deliveries.push(this.bus.deliver(channel, message));
    const outcomes = await Promise.allSettled(deliveries);
    // A process that is gone holds nothing any more.
    const missing = outcomes.filter((outcome, i) => outcome.status === 'rejected' && others[i]?.state !== 'gone').length;
    return { acknowledged: outcomes.filter((outcome) => outcome.status === 'fulfilled').length, missing };
  }
}
