import { backoffMs, type Clock, type Random, type Timer } from '../kernel/index.ts';
import { PRIORITIES, type Priority } from '../policy/index.ts';
import type { FleetSlots } from './fleet-slots.ts';
import type { RegenerationReason } from './schedule.ts';

/** A page waiting to be made again. */
export interface RegenerationJob {
  /** Key of the page. */
  readonly key: string;
  readonly url: string;
  readonly reason: RegenerationReason;
  readonly priority: Priority;
  /** Attempts made so far. */
  readonly attempts: number;
  readonly queuedMs: number;
}

export type QueueAnswer =
  | { readonly queued: true; readonly waiting: number }
  | { readonly queued: false; readonly why: 'already-queued' | 'queue-full' | 'unknown-page' | 'closed' };

/** What one attempt came to. `skipped`: another process had made it already. */
export type RegenerationResult = 'changed' | 'unchanged' | 'skipped' | 'failed';

export interface QueueSettings {
  readonly concurrency: number;
  readonly attempts: number;
  readonly retryDelay: number;
  readonly alertAbove: number;
}

export interface QueueWork {
  run(job: RegenerationJob): Promise<RegenerationResult>;
  /** Which priorities may run now: live traffic goes first. */
  mayRun(priority: Priority): boolean;
  onResult(job: RegenerationJob, result: RegenerationResult, tookMs: number): void;
  /** All attempts failed. */
  onGivenUp(job: RegenerationJob): void;
  /** How many may wait here, and how many do in other processes of the fleet. */
  room(): number;
  waitingElsewhere(): number;
  /** A page found no room. */
  onFull(): void;
  /** More wait in the fleet than the alert allows, or no longer. */
  onLength(waiting: number, isLong: boolean): void;
}

const LONGEST_RETRY_MS = 3_600_000;
/** How soon to ask again for a place that another process holds, or for pressure to end: what matters asks more often. */
const RECHECK_MS: Readonly<Record<Priority, number>> = { critical: 100, high: 250, normal: 500, low: 1000, background: 1000 };
/** How long a process waits between two starts, so that places go to whoever in the fleet has better to do with them. */
const YIELD_MS: Readonly<Record<Priority, number>> = { critical: 0, high: 150, normal: 300, low: 600, background: 600 };

/**
 * Regenerations in order of priority, then of arrival. Bounded: a full queue gives up its least for a better one, and
 * refuses what is no better. A page waits in it once.
 */
export class RegenerationQueue {
  readonly #settings: QueueSettings;
  readonly #slots: FleetSlots;
  readonly #work: QueueWork;
  readonly #clock: Clock;
  readonly #random: Random;
  /** One queue per priority: jobs by key, in order of arrival. */
  readonly #waiting: ReadonlyMap<Priority, Map<string, RegenerationJob>> = new Map(PRIORITIES.map((one) => [one, new Map()]));
  /** Failed ones until their next attempt. */
  readonly #resting = new Map<string, Timer>();
  /** Those being made, with the job to do after it: what is being made may show the state before a change. */
  readonly #running = new Map<string, RegenerationJob | undefined>();
  #size = 0;
  #isLong = false;
  #isTaking = false;
  #lastStartMs = -Infinity;
  #recheck: Timer | undefined;
  #closed = false;

  constructor(
    settings: QueueSettings,
    slots: FleetSlots,
    work: QueueWork,
    { clock, random }: { readonly clock: Clock; readonly random: Random },
  ) {
    this.#settings = settings;
    this.#slots = slots;
    this.#work = work;
    this.#clock = clock;
    this.#random = random;
  }

  /** Waiting ones, those resting after a failure included. */
  get waiting(): number {
    return this.#size + this.#resting.size;
  }

  get running(): number {
    return this.#running.size;
  }

  add(page: { readonly key: string; readonly url: string }, reason: RegenerationReason, priority: Priority): QueueAnswer {
    if (this.#closed) return { queued: false, why: 'closed' };
    const job = { ...page, reason, priority, attempts: 0, queuedMs: this.#clock.now() };
    if (this.#running.has(job.key) && (reason === 'change' || reason === 'manual')) {
      this.#running.set(job.key, job);
      return { queued: true, waiting: this.waiting };
    }
    if (this.#isKnown(job) && !this.#promote(job)) return { queued: false, why: 'already-queued' };
    if (this.waiting >= this.#work.room() && !this.#displace(priority)) {
      this.#work.onFull();
      return { queued: false, why: 'queue-full' };
    }
    this.#enqueue(job);
    return { queued: true, waiting: this.waiting };
  }

  /** There is less room than there was, or other processes have more waiting: the least important give way. */
  fit(): void {
    while (this.waiting > this.#work.room() && this.#displace(undefined));
    this.#watchLength();
  }

  close(): void {
    this.#closed = true;
    this.#recheck?.cancel();
    for (const timer of this.#resting.values()) timer.cancel();
    this.#resting.clear();
    for (const queue of this.#waiting.values()) queue.clear();
    this.#size = 0;
  }

  #isKnown({ key }: RegenerationJob): boolean {
    if (this.#running.has(key) || this.#resting.has(key)) return true;
    return PRIORITIES.some((priority) => this.#waiting.get(priority)!.has(key));
  }

  /** Takes a waiting job out of a lower queue when it comes again with a higher priority. */
  #promote(job: RegenerationJob): boolean {
    const below = PRIORITIES.slice(PRIORITIES.indexOf(job.priority) + 1);
    for (const priority of below) {
      if (!this.#waiting.get(priority)!.delete(job.key)) continue;
      this.#size--;
      return true;
    }
    return false;
  }

  /** Drops the last of the least priority, below `priority` where that is given; false when there is none. */
  #displace(priority: Priority | undefined): boolean {
    const from = priority === undefined ? 0 : PRIORITIES.indexOf(priority) + 1;
    for (const least of PRIORITIES.slice(from).toReversed()) {
      const queue = this.#waiting.get(least)!;
      const last = [...queue.keys()].at(-1);
      if (last === undefined) continue;
      queue.delete(last);
      this.#size--;
      return true;
    }
    return false;
  }

  #enqueue(job: RegenerationJob): void {
    this.#waiting.get(job.priority)!.set(job.key, job);
    this.#size++;
    this.#watchLength();
    void this.#pump();
  }

  /** Starts what may be started, one after another. */
  async #pump(): Promise<void> {
    if (this.#isTaking || this.#closed) return;
    this.#isTaking = true;
    try {
      for (let next = this.#peek(); next !== undefined && this.#hasRoom(); next = this.#peek()) {
        const yieldMs = this.#lastStartMs + YIELD_MS[next.priority] - this.#clock.monotonic();
        if (yieldMs > 0) return this.#lookAgain(yieldMs);
        const slot = await this.#slots.take();
        if (slot === 'spent') return this.#lookAgain(this.#slots.renewedAtMs - this.#clock.now());
        if (slot === 'busy') return this.#lookAgain(RECHECK_MS[next.priority]);
        const best = this.#peek();
        if (best === undefined || this.#closed) return void (await slot.release(false));
        this.#waiting.get(best.priority)!.delete(best.key);
        this.#size--;
        this.#lastStartMs = this.#clock.monotonic();
        void this.#run(best, slot);
      }
      // Something waits that may not run now: pressure ends without telling.
      if (this.#size > 0 && this.#hasRoom()) this.#lookAgain(RECHECK_MS.low);
    } catch {
      // The store is away: its places cannot be had now.
      this.#lookAgain(RECHECK_MS.low);
    } finally {
      this.#isTaking = false;
    }
  }

  #hasRoom(): boolean {
    return this.#running.size < this.#settings.concurrency;
  }

  #peek(): RegenerationJob | undefined {
    for (const priority of PRIORITIES) {
      if (!this.#work.mayRun(priority)) continue;
      const [first] = this.#waiting.get(priority)!.values();
      if (first) return first;
    }
    return undefined;
  }

  #lookAgain(delayMs: number): void {
    if (this.#closed) return;
    this.#recheck?.cancel();
    this.#recheck = this.#clock.setTimer(() => void this.#pump(), delayMs);
  }

  async #run(job: RegenerationJob, slot: { release(used: boolean): Promise<void> }): Promise<void> {
    this.#running.set(job.key, undefined);
    this.#watchLength();
    const startedMs = this.#clock.monotonic();
    const result = await this.#work.run(job).catch(() => 'failed' as const);
    const again = this.#running.get(job.key);
    this.#running.delete(job.key);
    await slot.release(result !== 'skipped').catch(() => undefined);
    this.#work.onResult(job, result, this.#clock.monotonic() - startedMs);
    if (again) this.add(again, again.reason, again.priority);
    else if (result === 'failed') this.#rest({ ...job, attempts: job.attempts + 1 });
    void this.#pump();
  }

  #rest(job: RegenerationJob): void {
    if (this.#closed) return;
    if (job.attempts >= this.#settings.attempts) return this.#work.onGivenUp(job);
    const delayMs = backoffMs(this.#random, job.attempts - 1, this.#settings.retryDelay, LONGEST_RETRY_MS);
    const timer = this.#clock.setTimer(() => {
      this.#resting.delete(job.key);
      this.#enqueue(job);
    }, delayMs);
    this.#resting.set(job.key, timer);
  }

  #watchLength(): void {
    const waiting = this.waiting + this.#work.waitingElsewhere();
    const isLong = waiting > this.#settings.alertAbove;
    if (isLong === this.#isLong) return;
    this.#isLong = isLong;
    this.#work.onLength(waiting, isLong);
  }
}
