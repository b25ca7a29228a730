import { fork, type ChildProcess, type Serializable } from 'node:child_process';
import { messageOf, SpillwayError, type Clock, type Timer } from '../kernel/index.ts';
import { Calls } from './calls.ts';
import { LastWords } from './last-words.ts';
import type { GuardOrders, ToPrimary, ToWorker } from './messages.ts';
import type { ClusterSettings } from './options.ts';

export type WorkerState = 'starting' | 'ready' | 'draining' | 'gone';

/** What the primary is told by, and about, a worker. */
export interface WorkerListener {
  /** The worker asks the primary something; what this settles with is the answer. */
  onAsk(worker: WorkerProcess, kind: string, payload: unknown): Promise<unknown>;
  onPublish(worker: WorkerProcess, call: number, channel: string, message: string): void;
  /** What a worker that begins is to refuse and to report. */
  guardOrders(): GuardOrders;
  onSurvived(fingerprint: string): void;
  onRefused(requests: number): void;
  /** @param inFlight what it was working on, as far as it could tell. */
  onExit(worker: WorkerProcess, reason: string, inFlight: readonly string[]): void;
}

/** A worker as its primary sees it. */
export class WorkerProcess {
  readonly id: number;
  readonly slot: number;
  readonly startedMs: number;
  /** Settles when the worker said it is ready, or failed to. */
  readonly ready: Promise<void>;
  /** Settles when the process has ended. */
  readonly gone: Promise<void>;
  state: WorkerState = 'starting';
  utilisation = 0;
  memoryBytes = 0;
  heardMs: number;
  readonly #child: ChildProcess;
  readonly #clock: Clock;
  readonly #settings: ClusterSettings;
  readonly #calls: Calls;
  readonly #listener: WorkerListener;
  readonly #sockets: ReadonlyMap<string, object>;
  readonly #lastWords = LastWords.open();
  #markReady!: () => void;
  #markFailed!: (error: Error) => void;
  #killTimer: Timer | undefined;

  constructor(
    identity: { readonly id: number; readonly slot: number },
    settings: ClusterSettings,
    sockets: ReadonlyMap<string, object>,
    listener: WorkerListener,
    clock: Clock,
  ) {
    this.id = identity.id;
    this.slot = identity.slot;
    this.#settings = settings;
    this.#sockets = sockets;
    this.#listener = listener;
    this.#clock = clock;
    this.#calls = new Calls(clock);
    this.startedMs = this.heardMs = clock.monotonic();
    const { file, args, env, execArgv } = settings.entry;
    this.#child = fork(file, [...args], {
      ...(execArgv && { execArgv: [...execArgv] }),
      env: {
        ...process.env,
        ...env,
        SPILLWAY_HEARTBEAT_MS: String(settings.heartbeatMs),
        ...(this.#lastWords && { SPILLWAY_LAST_WORDS: 'yes' }),
      },
      // Its record is the fifth: LAST_WORDS_FD.
      stdio: ['inherit', 'inherit', 'inherit', 'ipc', this.#lastWords?.fd ?? 'ignore'],
      serialization: 'advanced',
    });
    this.ready = this.#whenReady();
    this.gone = new Promise((resolve) => this.#child.once('exit', (code, signal) => resolve(this.#onExit(code, signal))));
    this.#child.on('message', (message) => this.#onMessage(message as ToPrimary));
    // A channel that breaks is followed by the exit, which says all there is to say.
    this.#child.on('error', () => {});
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  ask(kind: string, payload: unknown, withinMs: number): Promise<unknown> {
    return this.#calls.make(withinMs, (call) => this.#send({ type: 'ask', call, kind, payload }));
  }

  /** Settles when the worker's subscribers have handled the message. */
  deliver(channel: string, message: string, withinMs: number): Promise<unknown> {
    return this.#calls.make(withinMs, (call) => this.#send({ type: 'deliver', call, channel, message }));
  }

  /** Has the worker listen on a further socket; settles when it does. */
  adopt(name: string, handle: object, withinMs: number): Promise<unknown> {
    return this.#calls.make(withinMs, (call) => this.#send({ type: 'adopt', call, name }, handle));
  }

  published(call: number, acknowledged: number, missing: number): void {
    this.#send({ type: 'published', call, acknowledged, missing });
  }

  guard(orders: GuardOrders): void {
    this.#send({ type: 'guard', orders });
  }

  /** Asks the worker to finish what it has and to end; it is ended when it takes longer than the drain may. */
  async drain(): Promise<void> {
    if (this.state === 'gone') return;
    this.state = 'draining';
    this.#send({ type: 'drain', withinMs: this.#settings.drainTimeoutMs });
    // The worker gives up by itself at its deadline; this is for one that cannot any more.
    this.#killTimer ??= this.#clock.setTimer(() => this.kill(), this.#settings.drainTimeoutMs + 1000, { keepAlive: true });
    await this.gone;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #whenReady(): Promise<void> {
    const { readyTimeoutMs } = this.#settings;
    const timer = this.#clock.setTimer(
      () => {
        this.#markFailed(failure(this, `was not ready within ${readyTimeoutMs} ms`));
        // It may have accepted connections already: those are served before it goes.
        void this.drain();
      },
      readyTimeoutMs,
      { keepAlive: true },
    );
    const ready = new Promise<void>((resolve, reject) => {
      this.#markReady = resolve;
      this.#markFailed = reject;
    }).finally(() => timer.cancel());
    // Whoever waits hears of it; nobody has to.
    ready.catch(() => {});
    return ready;
  }

  #onMessage(message: ToPrimary): void {
    this.heardMs = this.#clock.monotonic();
    switch (message.type) {
      case 'joined':
        return this.#welcome();
      case 'ready':
        if (this.state === 'starting') this.state = 'ready';
        return this.#markReady();
      case 'beat':
        this.utilisation = message.utilisation;
        this.memoryBytes = message.memoryBytes;
        return this.#listener.onRefused(message.refused);
      case 'survived':
        return this.#listener.onSurvived(message.fingerprint);
      case 'answer':
        return this.#calls.answer(message.call, message.value);
      case 'failed':
        return this.#calls.fail(message.call, failure(this, message.message));
      case 'ask':
        return void this.#reply(message.call, message.kind, message.payload);
      case 'publish':
        return this.#listener.onPublish(this, message.call, message.channel, message.message);
    }
  }

  async #reply(call: number, kind: string, payload: unknown): Promise<void> {
    try {
      this.#send({ type: 'answer', call, value: await this.#listener.onAsk(this, kind, payload) });
    } catch (error) {
      this.#send({ type: 'failed', call, message: messageOf(error) });
    }
  }

  #welcome(): void {
    this.guard(this.#listener.guardOrders());
    this.#send({ type: 'welcome', id: this.id, slot: this.slot, sockets: [...this.#sockets.keys()] });
    for (const [name, handle] of this.#sockets) this.#send({ type: 'socket', name }, handle);
  }

  #onExit(code: number | null, signal: string | null): void {
    this.#killTimer?.cancel();
    const reason = signal ? `was ended by ${signal}` : `ended with exit code ${code}`;
    const error = failure(this, reason);
    this.#markFailed(error);
    this.#calls.failAll(error);
    const inFlight = this.#lastWords?.read() ?? [];
    this.#lastWords?.close();
    this.#listener.onExit(this, reason, inFlight);
    this.state = 'gone';
  }

  #send(message: ToWorker, handle?: object): void {
    if (this.#child.connected) this.#child.send(message as Serializable, handle as never, () => {});
  }
}

function failure(worker: WorkerProcess, what: string): SpillwayError {
  return new SpillwayError('SPILLWAY_WORKER_FAILED', `worker ${worker.id} (pid ${worker.pid}) ${what}`);
}
