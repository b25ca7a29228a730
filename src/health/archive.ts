import type { Clock, Timer } from '../kernel/index.ts';
import type { HistoryQuery, HistoryStore, MachineHistory } from './history-store.ts';
import type { History, HistoryRow } from './history.ts';
import type { SloBook } from './slo-book.ts';
import type { Change, Timeline } from './timeline.ts';

const SAVE_EVERY_MS = 10_000;
const HOUR_MS = 3_600_000;
/** Rows that wait to be saved while the store fails; the oldest are lost first. */
const MAX_WAITING = 2000;

/** Carries history over a restart: loads what an earlier run kept, and saves what is new every 10 seconds. */
export class Archive {
  readonly #store: HistoryStore;
  readonly #history: History;
  readonly #timeline: Timeline;
  readonly #book: SloBook;
  readonly #clock: Clock;
  readonly #onFault: (error: unknown) => void;
  #waiting: HistoryRow[] = [];
  #newChanges: Change[] = [];
  #saving: Promise<void> | undefined;
  #timer: Timer | undefined;
  #loaded = false;
  #failing = false;

  constructor(
    store: HistoryStore,
    parts: { history: History; timeline: Timeline; book: SloBook; clock: Clock },
    onFault: (error: unknown) => void,
  ) {
    this.#store = store;
    this.#history = parts.history;
    this.#timeline = parts.timeline;
    this.#book = parts.book;
    this.#clock = parts.clock;
    this.#onFault = onFault;
  }

  /** Health goes on without a store that cannot be read; it is tried again with every save. */
  async start(): Promise<void> {
    this.#timer = this.#clock.setRepeating(() => void this.save(), SAVE_EVERY_MS);
    await this.#attempt(() => this.#load());
  }

  /** A step of history is complete. */
  keep(tier: 0 | 1 | 2, atMs: number): void {
    this.#waiting.push(this.#history.row(tier, atMs));
    if (this.#waiting.length > MAX_WAITING) this.#waiting.shift();
  }

  keepChange(change: Change): void {
    this.#newChanges.push(change);
    if (this.#newChanges.length > MAX_WAITING) this.#newChanges.shift();
  }

  /** What other machines kept; undefined where that cannot be read. */
  async others(query: HistoryQuery): Promise<readonly MachineHistory[] | undefined> {
    try {
      return await this.#store.others?.(query);
    } catch (error) {
      this.#onFault(error);
      return undefined;
    }
  }

  /** Saves what is new; what could not be saved is tried again next time. */
  save(): Promise<void> {
    return (this.#saving ??= this.#save().finally(() => (this.#saving = undefined)));
  }

  async stop(): Promise<void> {
    if (!this.#timer) return;
    this.#timer.cancel();
    await this.#saving;
    await this.save();
    await this.#store.close();
  }

  async #load(): Promise<void> {
    if (this.#loaded) return;
    const kept = await this.#store.load(this.#clock.now());
    for (const row of kept.rows) this.#history.write(row);
    this.#timeline.restore(kept.changes);
    this.#book.restore(kept.hours, this.#clock.now());
    this.#loaded = true;
  }

  /** Of faults in a row, the first one is told. */
  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) this.#onFault(error);
      this.#failing = true;
    }
  }

  /** What was kept is read before anything is written over it. */
  #save(): Promise<void> {
    return this.#attempt(async () => {
      await this.#load();
      await this.#write();
    });
  }

  async #write(): Promise<void> {
    const nowMs = this.#clock.now();
    const [rows, changes] = [this.#waiting, this.#newChanges];
    this.#waiting = [];
    this.#newChanges = [];
    const hour = Math.floor(nowMs / HOUR_MS);
    const hours = [...this.#book.hourCounts(hour - 1), ...this.#book.hourCounts(hour)];
    try {
      await this.#store.save({ rows, changes, hours }, nowMs);
    } catch (error) {
      this.#waiting = [...rows, ...this.#waiting].slice(-MAX_WAITING);
      this.#newChanges = [...changes, ...this.#newChanges].slice(-MAX_WAITING);
      throw error;
    }
  }
}
