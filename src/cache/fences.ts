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

/** The generation map of this process: whoever reads, loads or writes a key opens a fence first and looks at it last. */
export class Fences {
  readonly #open = new Map<string, Set<Fence>>();

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

  close(fence: Fence): void {
    const fences = this.#open.get(fence.key);
    if (fences?.delete(fence) && fences.size === 0) this.#open.delete(fence.key);
  }

  strike(key: string): void {
    const fences = this.#open.get(key);
    if (!fences) return;
    this.#open.delete(key);
    for (const fence of fences) {
      fence.struck = true;
      fence.onStrike?.();
    }
  }

  /** The store says that the key changed, perhaps by this process. */
  hint(key: string): void {
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
    for (const key of this.#open.keys()) if (test(key)) this.strike(key);
  }
}
