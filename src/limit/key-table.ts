/** What a {@link KeyTable} must know of the state its slots point to. */
export interface SlotContents {
  /** Whether the slot holds nothing that still counts, so that forgetting it changes no decision. */
  idle(slot: number): boolean;
  /** Which share of its limits the slot's key has used: the least used is forgotten first when the table is full. */
  usedShare(slot: number): number;
  /** Makes room for slots up to `capacity`. */
  grow(capacity: number): void;
  /** Empties a slot before it is given to another key. */
  clear(slot: number): void;
}

const FIRST_CAPACITY = 64;
/** Up to here the arrays grow before anything is taken back: room is cheaper than looking for it. */
const FREE_CAPACITY = 65_536;
const LOOKED_AT = 32;

/**
 * Gives each key a slot in typed arrays, for at most `maxKeys` keys. When there is no slot left, a hand goes on round the
 * keys and takes back the slots of those whose counts have run out; there is no timer. Only when the arrays have their full
 * size and every slot the hand meets still counts is a key forgotten: the least used of those met, so a client near its
 * limit is never the one.
 */
export class KeyTable {
  readonly maxKeys: number;
  readonly #contents: SlotContents;
  readonly #slots = new Map<string, number>();
  #hand: MapIterator<[string, number]> | undefined;
  #free: number[] = [];
  #unused = 0;
  #capacity = 0;
  #forgotten = 0;

  constructor(contents: SlotContents, maxKeys: number) {
    this.#contents = contents;
    this.maxKeys = maxKeys;
  }

  get size(): number {
    return this.#slots.size;
  }

  /** Keys forgotten while they still counted, because the table was full. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /** The key's slot, or -1. */
  find(key: string): number {
    return this.#slots.get(key) ?? -1;
  }

  /** An empty slot for a key that has none. */
  add(key: string): number {
    if (this.#free.length === 0 && this.#unused === this.#capacity) this.#makeRoom();
    const slot = this.#free.pop() ?? this.#unused++;
    this.#slots.set(key, slot);
    return slot;
  }

  delete(key: string): void {
    const slot = this.#slots.get(key);
    if (slot !== undefined) this.#release(key, slot);
  }

  #makeRoom(): void {
    if (this.#capacity < Math.min(FREE_CAPACITY, this.maxKeys)) return this.#grow();
    const leastUsed = this.#sweep();
    if (this.#free.length > 0) return;
    if (this.#capacity < this.maxKeys) return this.#grow();
    this.#release(leastUsed!, this.#slots.get(leastUsed!)!);
    this.#forgotten++;
  }

  #grow(): void {
    this.#capacity = Math.min(this.maxKeys, Math.max(FIRST_CAPACITY, this.#capacity * 2));
    this.#contents.grow(this.#capacity);
  }

  /** Takes back what the hand finds idle; returns the least used of the other keys it met. */
  #sweep(): string | undefined {
    let leastUsed: string | undefined;
    let least = Infinity;
    for (let step = 0; step < LOOKED_AT && this.#slots.size > 0; step++) {
      const [key, slot] = this.#nextUnderHand();
      if (this.#contents.idle(slot)) {
        this.#release(key, slot);
        continue;
      }
      const used = this.#contents.usedShare(slot);
      if (used < least) [leastUsed, least] = [key, used];
    }
    return leastUsed;
  }

  /** The table is not empty when this is called. */
  #nextUnderHand(): [string, number] {
    let next = this.#hand?.next();
    if (!next || next.done) {
      this.#hand = this.#slots.entries();
      next = this.#hand.next();
    }
    return next.value!;
  }

  #release(key: string, slot: number): void {
    this.#slots.delete(key);
    this.#contents.clear(slot);
    this.#free.push(slot);
  }
}
