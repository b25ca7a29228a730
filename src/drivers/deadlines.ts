import type { Clock, Timer } from '../kernel/index.ts';

/** Into how many turns a limit is divided: so exactly is it kept. */
const TURNS = 8;

interface Wait {
  readonly dueTurn: number;
  readonly expire: () => void;
}

/**
 * Ends waits that last longer than a limit, all of them by one timer. The limit is counted in turns of that timer, and a
 * turn that comes late is still one turn: time in which this process did not run, because it was busy or the machine was,
 * is not held against the other side, whose answer may long be there.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #turnMs: number;
  readonly #turnsAllowed: number;
  readonly #newError: () => Error;
  /** In the order they are due. What has ended leaves at once: a wait holds on to its answer. */
  readonly #waits = new Set<Wait>();
  #turn = 0;
  #timer: Timer | undefined;

  /** @param newError what a wait that lasted too long rejects with. */
  constructor(clock: Clock, limitMs: number, newError: () => Error) {
    this.#clock = clock;
    this.#turnMs = Math.max(1, limitMs / TURNS);
    this.#turnsAllowed = Math.max(2, Math.floor(limitMs / this.#turnMs));
    this.#newError = newError;
  }

  /** `work`, unless it takes too long. */
  bound<Result>(work: Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      const wait: Wait = { dueTurn: this.#turn + this.#turnsAllowed, expire: () => reject(this.#newError()) };
      this.#waits.add(wait);
      // What has come in is read before the waits are looked through.
      this.#timer ??= this.#clock.setRepeating(() => setImmediate(() => this.#nextTurn()), this.#turnMs);
      work.then(
        (result) => {
          this.#waits.delete(wait);
          resolve(result);
        },
        (error: Error) => {
          this.#waits.delete(wait);
          reject(error);
        },
      );
    });
  }

  #nextTurn(): void {
    this.#turn++;
    for (const wait of this.#waits) {
      if (wait.dueTurn > this.#turn) break;
      this.#waits.delete(wait);
      wait.expire();
    }
    if (this.#waits.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
