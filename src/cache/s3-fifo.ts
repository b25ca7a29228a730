import { ResidentQueue, type BoundedMap, type Resident } from './resident.ts';

/** Bounds of the small queue's share of the room; it begins with the least. */
const LEAST_SHARE = 0.1;
const MOST_SHARE = 0.7;
const MOST_VISITS = 3;

/**
 * A map bounded by entries and bytes that evicts by S3-FIFO (Yang et al., "FIFO queues are all you need for cache
 * eviction", SOSP'23). New members wait in a small queue; those read again move to the main queue, the rest leave and
 * are remembered by name for a while, so that their return counts as a second read. A scan washes through the small
 * queue only, and a hit writes nothing but a counter. The small queue has a tenth of the room, and more where what it
 * evicted keeps coming back.
 */
export class S3Fifo<Member extends Resident> implements BoundedMap<Member> {
  readonly #members = new Map<string, Member>();
  readonly #small = new ResidentQueue<Member>();
  readonly #main = new ResidentQueue<Member>();
  /** Names of those evicted from each queue, oldest first; at most as many as there are members. */
  readonly #smallGhosts = new Set<string>();
  readonly #mainGhosts = new Set<string>();
  #smallShare = LEAST_SHARE;
  readonly #onEvict: (member: Member) => void;
  readonly #isWorthKeeping: (member: Member) => boolean;
  maxEntries: number;
  maxBytes: number;

  /** @param isWorthKeeping a second opinion on a member read once in the small queue: true moves it to the main queue. */
  constructor(
    maxEntries: number,
    maxBytes: number,
    onEvict: (member: Member) => void = () => {},
    isWorthKeeping: (member: Member) => boolean = () => false,
  ) {
    this.maxEntries = maxEntries;
    this.maxBytes = maxBytes;
    this.#onEvict = onEvict;
    this.#isWorthKeeping = isWorthKeeping;
  }

  get size(): number {
    return this.#members.size;
  }

  get bytes(): number {
    return this.#small.bytes + this.#main.bytes;
  }

  get(key: string): Member | undefined {
    const member = this.#members.get(key);
    if (member !== undefined && member.visits < MOST_VISITS) member.visits++;
    return member;
  }

  look(key: string): Member | undefined {
    return this.#members.get(key);
  }

  wasEvicted(key: string): boolean {
    return this.#smallGhosts.has(key) || this.#mainGhosts.has(key);
  }

  values(): MapIterator<Member> {
    return this.#members.values();
  }

  set(member: Member): void {
    const present = this.#members.get(member.key);
    this.#members.set(member.key, member);
    if (present) {
      member.visits = present.visits;
      present.queue!.swap(present, member);
    } else if (this.#isBack(member.key)) this.#main.push(member);
    else this.#small.push(member);
    this.shrink();
  }

  delete(member: Member): void {
    if (this.#members.get(member.key) !== member) return;
    this.#members.delete(member.key);
    member.queue!.remove(member);
  }

  clear(): void {
    for (const member of this.#members.values()) this.delete(member);
    this.#smallGhosts.clear();
    this.#mainGhosts.clear();
  }

  shrink(): void {
    while (this.#members.size > 0 && (this.#members.size > this.maxEntries || this.bytes > this.maxBytes)) this.#evictOne();
  }

  #evictOne(): void {
    for (;;) {
      if (this.#smallIsFull()) {
        const member = this.#small.oldest!;
        this.#small.remove(member);
        if (member.visits <= 1 && !(member.visits === 1 && this.#isWorthKeeping(member)))
          return this.#forget(member, this.#smallGhosts);
        member.visits = 0;
        this.#main.push(member);
      } else {
        const member = this.#main.oldest!;
        this.#main.remove(member);
        if (member.visits === 0) return this.#forget(member, this.#mainGhosts);
        member.visits--;
        this.#main.push(member);
      }
    }
  }

  #smallIsFull(): boolean {
    if (this.#small.size === 0) return false;
    return (
      this.#main.size === 0 ||
      this.#small.size > this.maxEntries * this.#smallShare ||
      this.#small.bytes > this.maxBytes * this.#smallShare
    );
  }

  /**
   * Whether the key was evicted not long ago. Where from tells which queue is too small (as in ARC, Megiddo and Modha,
   * FAST'03): the shares move by one member's worth, more when returns of that kind are rare.
   */
  #isBack(key: string): boolean {
    const step = 1 / Math.max(1, this.#members.size);
    const [small, main] = [Math.max(1, this.#smallGhosts.size), Math.max(1, this.#mainGhosts.size)];
    if (this.#smallGhosts.delete(key))
      this.#smallShare = Math.min(MOST_SHARE, this.#smallShare + step * Math.max(1, main / small));
    else if (this.#mainGhosts.delete(key))
      this.#smallShare = Math.max(LEAST_SHARE, this.#smallShare - step * Math.max(1, small / main));
    else return false;
    return true;
  }

  #forget(member: Member, ghosts: Set<string>): void {
    this.#members.delete(member.key);
    ghosts.add(member.key);
    while (ghosts.size > Math.max(this.#members.size, 1)) ghosts.delete(ghosts.values().next().value!);
    this.#onEvict(member);
  }
}
