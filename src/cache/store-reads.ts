import type { StoredValue } from '../ports/index.ts';
import type { Fences } from './fences.ts';
import type { Proof, ProofMark } from './proof.ts';
import type { Lookout } from './strikes.ts';

/** How many keys are asked for at once, so that no answer keeps the process for long. */
const MOST_KEYS = 200;

/** What came of each key; undefined: the store did not say. */
export type Answers<Found> = (Found | undefined)[];

/** One question to the store, about all the keys that were asked for in one turn. */
export class StoreRead<Found> {
  readonly keys: string[] = [];
  /** What was invalidated since: it is given to those who asked before, and not kept. */
  readonly lookout: Lookout;
  /** The moment before the store was asked. */
  readonly mark: ProofMark;
  #pending: PromiseWithResolvers<Answers<Found>> | undefined = Promise.withResolvers();

  constructor(lookout: Lookout, mark: ProofMark) {
    this.lookout = lookout;
    this.mark = mark;
  }

  /** Never rejects. To be asked for before the end. */
  get done(): Promise<Answers<Found>> {
    return this.#pending!.promise;
  }

  /**
   * Nobody joins any more, and those who did have the promise. The read itself lets go of what it found: V8's maps keep
   * alive what was in them a while ago.
   */
  end(found: Answers<Found>): void {
    this.#pending!.resolve(found);
    this.#pending = undefined;
  }
}

/** One key's part in a {@link StoreRead}. */
export interface KeyRead<Found> {
  readonly done: Promise<Answers<Found>>;
  readonly at: number;
}

export interface StoreReadDependencies<Found> {
  readonly fences: Fences;
  readonly proof: Proof;
  readonly ask: (keys: readonly string[]) => Promise<readonly (StoredValue | undefined)[]>;
  /** Puts into `found` what becomes of the answers. */
  readonly takeIn: (read: StoreRead<Found>, stored: readonly (StoredValue | undefined)[], found: Answers<Found>) => Promise<void>;
}

/**
 * Reads of the store. Those of one turn are one question, one reading of the tags' versions and one pass over the answers.
 * Who asks for a key that is being read shares in it, unless the key was invalidated since: then it is asked for anew.
 */
export class StoreReads<Found> {
  readonly #running = new Map<string, StoreRead<Found>>();
  readonly #with: StoreReadDependencies<Found>;
  /** Takes further keys in until the turn ends. */
  #gathering: StoreRead<Found> | undefined;

  constructor(dependencies: StoreReadDependencies<Found>) {
    this.#with = dependencies;
  }

  /** How many keys are being read. */
  get size(): number {
    return this.#running.size;
  }

  /** Takes part in the read of `key` that runs, or in the next one. */
  join(key: string): KeyRead<Found> {
    const running = this.#running.get(key);
    if (running && running.mark.era === this.#with.proof.era && !running.lookout.isStruck(key)) {
      return { done: running.done, at: running.keys.lastIndexOf(key) };
    }
    const read = this.#open(key);
    this.#running.set(key, read);
    return { done: read.done, at: read.keys.push(key) - 1 };
  }

  /** The read that gathers keys, unless an invalidation of this one or a gap has come upon it. */
  #open(key: string): StoreRead<Found> {
    const { fences, proof } = this.#with;
    const open = this.#gathering;
    if (open && open.keys.length < MOST_KEYS && open.mark.era === proof.era && !open.lookout.isStruck(key)) return open;
    const read = new StoreRead<Found>(fences.lookOut(), proof.mark());
    this.#gathering = read;
    queueMicrotask(() => void this.#run(read));
    return read;
  }

  async #run(read: StoreRead<Found>): Promise<void> {
    if (this.#gathering === read) this.#gathering = undefined;
    const found: Answers<Found> = [];
    try {
      await this.#with.takeIn(read, await this.#with.ask(read.keys), found);
    } catch {
      // The store did not answer, or not for all of them: those who asked see what memory has.
    }
    for (const key of read.keys) if (this.#running.get(key) === read) this.#running.delete(key);
    read.end(found);
  }
}
