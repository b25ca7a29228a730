/** An invalidation, of one key or of all that match, and what came after it. */
interface Strike {
  readonly key: string | undefined;
  readonly matches: ((key: string) => boolean) | undefined;
  next: Strike | undefined;
}

/**
 * Invalidations in the order they were heard, for works on many keys that need to know at their end only. Such a work
 * remembers where the journal stood when it began: nothing is kept per key, and what is behind everyone who looks is
 * garbage.
 */
export class StrikeJournal {
  #latest: Strike = { key: undefined, matches: undefined, next: undefined };

  add(key: string): void {
    this.#append({ key, matches: undefined, next: undefined });
  }

  addWhere(matches: (key: string) => boolean): void {
    this.#append({ key: undefined, matches, next: undefined });
  }

  /** A view of what is added from now on. */
  fromHere(): Lookout {
    return new Lookout(this.#latest);
  }

  #append(strike: Strike): void {
    this.#latest.next = strike;
    this.#latest = strike;
  }
}

/** Which keys were invalidated since a work began. */
export class Lookout {
  #seen: Strike;
  #keys: Set<string> | undefined;
  #tests: ((key: string) => boolean)[] | undefined;

  /** Use {@link StrikeJournal.fromHere}. */
  constructor(from: Strike) {
    this.#seen = from;
  }

  isStruck(key: string): boolean {
    if (this.isQuiet) return false;
    return this.#keys?.has(key) === true || this.#tests?.some((matches) => matches(key)) === true;
  }

  /** Whether nothing at all was invalidated. */
  get isQuiet(): boolean {
    for (let next = this.#seen.next; next; next = next.next) {
      this.#seen = next;
      if (next.key !== undefined) (this.#keys ??= new Set()).add(next.key);
      else (this.#tests ??= []).push(next.matches!);
    }
    return this.#keys === undefined && this.#tests === undefined;
  }
}
