import { ResidentQueue, type BoundedMap, type Resident } from './resident.ts';

/** A map bounded by entries and bytes that evicts what was not read for longest. */
export class Lru<Member extends Resident> implements BoundedMap<Member> {
  readonly #members = new Map<string, Member>();
  /** Least recently read first. */
  readonly #queue = new ResidentQueue<Member>();
  /** Names of those evicted, oldest first; at most as many as there are members. */
  readonly #ghosts = new Set<string>();
  readonly #onEvict: (member: Member) => void;
  maxEntries: number;
  maxBytes: number;

  constructor(maxEntries: number, maxBytes: number, onEvict: (member: Member) => void = () => {}) {
    this.maxEntries = maxEntries;
    this.maxBytes = maxBytes;
    this.#onEvict = onEvict;
  }

  get size(): number {
    return this.#members.size;
  }

  get bytes(): number {
    return this.#queue.bytes;
  }

  get(key: string): Member | undefined {
    const member = this.#members.get(key);
    if (member === undefined) return undefined;
    member.visits++;
    if (member.newer !== undefined) {
      this.#queue.remove(member);
      this.#queue.push(member);
    }
    return member;
  }

  look(key: string): Member | undefined {
    return this.#members.get(key);
  }

  wasEvicted(key: string): boolean {
    return this.#ghosts.has(key);
  }

  values(): MapIterator<Member> {
    return this.#members.values();
  }

  set(member: Member): void {
    const present = this.#members.get(member.key);
    this.#members.set(member.key, member);
    if (present) {
      member.visits = present.visits;
      this.#queue.remove(present);
    } else this.#ghosts.delete(member.key);
    this.#queue.push(member);
    this.shrink();
  }

  delete(member: Member): void {
    if (this.#members.get(member.key) !== member) return;
    this.#members.delete(member.key);
    this.#queue.remove(member);
  }

  clear(): void {
    for (const member of this.#members.values()) this.delete(member);
    this.#ghosts.clear();
  }

  shrink(): void {
    while (this.size > 0 && (this.size > this.maxEntries || this.bytes > this.maxBytes)) {
      const oldest = this.#queue.oldest!;
      this.delete(oldest);
      this.#ghosts.add(oldest.key);
      while (this.#ghosts.size > Math.max(this.size, 1)) this.#ghosts.delete(this.#ghosts.values().next().value!);
      this.#onEvict(oldest);
    }
  }
}
