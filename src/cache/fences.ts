import { StrikeJournal, type Lookout } from './strikes.ts';

/** A work under way on a key, which ends in storing something unless the key was invalidated in the meantime. */
export class Fence {
  readonly key: string;
  /** True from the moment an invalidation of the key was heard: what the work found may be old. */
  struck = false;
  /** Told when the fence is struck. */
  onStrike: (() => void) | undefined;
  /** Told, in place of being struck, of a change that need not have been one: who knows how can look closer. */
  onHint: (() => void) | undefined;

  constructor(key: string) {
    this.key = key;
  }
}

/**
 * The generation map of this process: whoever loads or writes a key opens a fence first and looks at it last; whoever reads
 * some from the store looks out for all of them at once.
 */
export class Fences {
  readonly #open = new Map<string, Set<Fence>>();
  readonly #journal = new StrikeJournal();

  /** How many keys have work under way: never more than there are running calls. */
  get size(): number {
    return this.#open.size;
  }

  open(key: string): Fence {
    const fence = new Fence(key);
    const fences = this.#open.get(key);
    if (fences) fences.add(fence);
    else this.#open.set(key, new Set([fence]));
    return fence;
  }

  /** For works that need to know at their end only which of their keys were struck. */
  lookOut(): Lookout {
    return this.#journal.fromHere();
  }

  close(fence: Fence): void {
    const fences = this.#open.get(fence.key);
    if (fences?.delete(fence) && fences.size === 0) this.#open.delete(fence.key);
  }

  strike(key: string): void {
    this.#journal.add(key);
    this.#strikeOpen(key);
  }

  /** The store says that the key changed, perhaps by this process. */
  hint(key: string): void {
    this.#journal.add(key);
    for (const fence of this.#open.get(key) ?? []) {
      if (fence.onHint) fence.onHint();
      else {
        this.close(fence);
        fence.struck = true;
        fence.onStrike?.();
      }
    }
  }

  strikeWhere(test: (key: string) => boolean): void {
    this.#journal.addWhere(test);
    for (const key of this.#open.keys()) if (test(key)) this.#strikeOpen(key);
  }

  #strikeOpen(key: string): void {
    const fences = this.#open.get(key);
    if (!fences) return;
    this.#open.delete(key);
    for (const fence of fences) {
      fence.struck = true;
      fence.onStrike?.();
    }
  }
}
