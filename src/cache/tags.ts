import type { TagVersion } from '../ports/index.ts';

/**
 * What this process knows of one tag. Entries point at it and carry the versions they were made under; they are valid
 * while these are still the tag's.
 */
export interface TagRecord {
  readonly name: string;
  /** Kept for good, whenever it was last asked for. */
  isPinned: boolean;
  /** undefined: not known (any more), ask the store. */
  version: TagVersion | undefined;
  /** What the version was before it came into doubt, and may still be. */
  doubted: TagVersion | undefined;
  /** {@link TagTable.sequence} when the tag was last invalidated, 0 for never. */
  invalidatedAt: number;
  /** The same for when it was last said to have changed, be it true or not. */
  doubtedAt: number;
  /** The same for when its version became known, unless asking for it made it up: then it had not been changed before. */
  learnedAt: number;
  /** The store said that this very tag changed, and was not asked since. */
  isSuspect: boolean;
  /** How many questions about it are under way. */
  asked: number;
}

/** The tags of an entry with the versions they had before its value was made. */
export interface TagStamp {
  readonly records: readonly TagRecord[];
  readonly versions: readonly TagVersion[];
}

/** `unknown`: at least one version has to be asked for first. */
export type TagVerdict = 'valid' | 'stale' | 'invalid' | 'unknown';

/** Share of the table that one question may fill: others are asked for at the same time. */
const SHARE_AT_ONCE = 1 / 8;

/** Asks the store for the tags' current versions. */
type Ask = (tags: readonly string[]) => Promise<readonly TagVersion[]>;

/**
 * The versions of tags in this process. An invalidation changes one version, whatever the number of entries; entries find
 * out when they are next read. What the store tells of a tag is a hint: its version is asked for again, and only one that
 * differs is an invalidation, for a store may tell of our own changes too. At most `maxTags` are kept: entries of a tag
 * that was dropped are asked about again, or without a store count as invalid.
 */
export class TagTable {
  /** Least recently asked for first. */
  readonly #records = new Map<string, TagRecord>();
  readonly #maxTags: number;
  readonly #ask: Ask | undefined;
  /** Tags with a version made up while the store was away. */
  readonly #apart = new Set<TagRecord>();
  /** What {@link restore} gave last: values that are read together often have the same few tags. */
  #restored: { readonly versions: readonly TagVersion[]; readonly stamp: TagStamp; readonly epoch: number } | undefined;
  #lastLocal = 0;
  #sequence = 0;
  /** Tags invalidated at or before this may have left the table. */
  #forgottenAt = 0;
  /** Told after each invalidation, and when one may have been. */
  onChange: () => void = () => {};
  /** Grows with every change, so that an entry checked since needs no second look. */
  epoch = 0;

  constructor(maxTags: number, ask: Ask | undefined) {
    this.#maxTags = maxTags;
    this.#ask = ask;
  }

  get size(): number {
    return this.#records.size;
  }

  /** Counts invalidations: a load remembers it at its start. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Keeps a tag for good: one that every entry carries must not be dropped. */
  pin(tag: string): void {
    this.#record(tag).isPinned = true;
  }

  /** The tags with their present versions, asked for where they are not known. Rejects when the store does. */
  stamp(tags: readonly string[]): Promise<TagStamp> {
    return this.#known(tags);
  }

  /** The same without waiting; undefined when a version is not known. */
  stampNow(tags: readonly string[]): TagStamp | undefined {
    const records = tags.map((tag) => this.#record(tag));
    return records.every((record) => record.version)
      ? { records, versions: records.map((record) => record.version!) }
      : undefined;
  }

  /**
   * A stamp for a value whose load began at `sequence`, by tags that were found while it ran; undefined when one of them
   * may have been invalidated since.
   */
  async stampLate(tags: readonly string[], sequence: number): Promise<TagStamp | undefined> {
    await this.settle(tags);
    const learned = tags.filter((tag) => this.#record(tag).learnedAt > sequence);
    // Whether they were changed shortly before is told after the answer: one more round, and it has been told.
    if (learned.length > 0) await this.#askFor(learned.map((tag) => this.#record(tag)));
    const stamp = await this.stamp(tags);
    const changed = this.invalidatedSince(tags, sequence) || learned.some((tag) => this.#record(tag).doubtedAt > sequence);
    return changed ? undefined : stamp;
  }

  /**
   * A stamp while the store cannot be asked: the versions last known, and for tags that have none some that hold in this
   * process only, until the store is heard of again.
   */
  stampApart(tags: readonly string[]): TagStamp {
    const records = tags.map((tag) => this.#record(tag));
    const versions = records.map((record) => {
      const known = lastKnown(record);
      if (known) return known;
      this.#apart.add(record);
      return (record.version = this.#unique());
    });
    return { records, versions };
  }

  /** The store answers again: what {@link stampApart} made up is forgotten. */
  forgetApart(): void {
    if (this.#apart.size === 0) return;
    for (const record of this.#apart) record.version = undefined;
    this.#apart.clear();
    this.epoch++;
  }

  /** A stamp that came with a stored value; undefined while one of the tags has no known version to compare with. */
  restore(tags: readonly string[], versions: readonly TagVersion[]): TagStamp | undefined {
    const last = this.#restored;
    if (last?.versions === versions && last.epoch === this.epoch && isKnown(last.stamp)) return last.stamp;
    const stamp = { records: tags.map((tag) => this.#record(tag)), versions };
    if (!isKnown(stamp)) return undefined;
    this.#restored = { versions, stamp, epoch: this.epoch };
    return stamp;
  }

  /** Of how many values, by their tags, the versions can be made known at once: so few that the table holds them all. */
  countAtOnce(tagsOfValues: readonly (readonly string[])[]): number {
    let room = this.#maxTags * SHARE_AT_ONCE;
    const count = tagsOfValues.findIndex((tags) => (room -= tags.length) < 0);
    return count === -1 ? tagsOfValues.length : Math.max(1, count);
  }

  /** Makes the versions of `tags` known. Rejects when the store does. */
  async settle(tags: readonly string[]): Promise<void> {
    await this.#known(tags);
  }

  verdict(stamp: TagStamp): TagVerdict {
    let verdict: TagVerdict = 'valid';
    for (let at = 0; at < stamp.records.length; at++) {
      const current = stamp.records[at]!.version;
      if (current === undefined) return 'unknown';
      const version = stamp.versions[at]!;
      if (current === version) continue;
      if (current.hard !== version.hard) return 'invalid';
      if (current.soft !== version.soft) verdict = 'stale';
    }
    return verdict;
  }

  /** The verdict by what was last known, for when the store cannot be asked. */
  lastVerdict(stamp: TagStamp): TagVerdict {
    let verdict: TagVerdict = 'valid';
    for (const [at, record] of stamp.records.entries()) {
      const last = lastKnown(record);
      if (last === undefined) return 'unknown';
      const version = stamp.versions[at]!;
      if (last.hard !== version.hard) return 'invalid';
      if (last.soft !== version.soft) verdict = 'stale';
    }
    return verdict;
  }

  /** Whether one of the tags was invalidated since `sequence`. True also when that cannot be told any more. */
  invalidatedSince(tags: readonly string[], sequence: number): boolean {
    if (this.#forgottenAt > sequence) return true;
    return tags.some((tag) => (this.#records.get(tag)?.invalidatedAt ?? 0) > sequence);
  }

  /** Whether one of the tags was invalidated since `sequence`, or said to be. */
  doubtedSince(tags: readonly string[], sequence: number): boolean {
    if (this.#forgottenAt > sequence) return true;
    return tags.some((tag) => {
      const record = this.#records.get(tag);
      return record !== undefined && Math.max(record.invalidatedAt, record.doubtedAt) > sequence;
    });
  }

  /**
   * This process changes the tag: its version has to be asked for. Without a store it gets a new one here. Returns which
   * invalidation this was, for {@link accept}.
   */
  invalidate(tag: string, soft: boolean): number {
    const record = this.#record(tag);
    record.invalidatedAt = ++this.#sequence;
    this.epoch++;
    record.doubted = undefined;
    record.version = this.#ask ? undefined : this.#changed(record.version!, soft);
    this.onChange();
    return record.invalidatedAt;
  }

  /**
   * The store gave the tag `version` for the change that {@link invalidate} announced as `announced`; undefined: it has
   * still to hear of it. When a change was heard of since, it is not known which of the two the store made last.
   */
  accept(tag: string, version: TagVersion | undefined, announced: number): void {
    const record = this.#record(tag);
    const overtaken = Math.max(record.invalidatedAt, record.doubtedAt) !== announced;
    this.invalidate(tag, false);
    if (version && !overtaken) record.version = version;
    if (version) return;
    record.version = this.#unique();
    this.#apart.add(record);
  }

  /** The store says that the tag changed. */
  doubt(tag: string): void {
    const record = this.#record(tag);
    // A version that was made up here cannot be compared with what the store has.
    if (this.#apart.delete(record)) record.version = undefined;
    this.#doubt(record, ++this.#sequence);
    record.isSuspect = true;
    this.epoch++;
    this.onChange();
  }

  /** The store's messages may have been missed: every version has to be asked for again. */
  doubtAll(): void {
    this.#forgottenAt = ++this.#sequence;
    this.epoch++;
    for (const record of this.#records.values()) this.#doubt(record, this.#sequence);
    this.onChange();
  }

  /** Messages may have been missed where there is no store to ask: every tag counts as invalidated. */
  forgetAll(): void {
    this.#forgottenAt = ++this.#sequence;
    this.epoch++;
    for (const record of this.#records.values()) {
      record.version = this.#unique();
      record.invalidatedAt = this.#sequence;
    }
  }

  #doubt(record: TagRecord, sequence: number): void {
    record.doubtedAt = sequence;
    if (record.version && !this.#apart.has(record)) {
      record.doubted = record.version;
      record.version = undefined;
    }
    // Nothing to compare the answer with.
    else if (!record.doubted && record.asked === 0) record.invalidatedAt = sequence;
  }

  #record(tag: string): TagRecord {
    const existing = this.#records.get(tag);
    if (existing) {
      if (existing.isPinned) return existing;
      this.#records.delete(tag);
      this.#records.set(tag, existing);
      return existing;
    }
    const version = this.#ask ? undefined : this.#unique();
    const record: TagRecord = {
      name: tag,
      isPinned: false,
      version,
      doubted: undefined,
      invalidatedAt: 0,
      doubtedAt: 0,
      learnedAt: 0,
      isSuspect: false,
      asked: 0,
    };
    this.#records.set(tag, record);
    if (this.#records.size > this.#maxTags) this.#dropOldest();
    return record;
  }

  /** The dropped record stays with its entries: unknown makes them ask, a version of its own makes them invalid. */
  #dropOldest(): void {
    for (const oldest of this.#records.values()) {
      if (oldest.isPinned) continue;
      this.#records.delete(oldest.name);
      this.#forgottenAt = Math.max(this.#forgottenAt, oldest.invalidatedAt, oldest.doubtedAt);
      oldest.doubted = undefined;
      oldest.version = this.#ask ? undefined : this.#unique();
      this.epoch++;
      return;
    }
  }

  /**
   * Asks until every version is known; an answer that a change overtook does not count. The versions are taken down at that
   * moment: before the caller goes on, one may be in doubt again.
   */
  async #known(tags: readonly string[]): Promise<TagStamp> {
    for (;;) {
      const records = tags.map((tag) => this.#record(tag));
      const unknown = records.filter((record) => record.version === undefined);
      if (unknown.length === 0) return { records, versions: records.map((record) => record.version!) };
      await this.#askFor(unknown);
    }
  }

  async #askFor(records: readonly TagRecord[]): Promise<void> {
    const askedAt = this.#sequence;
    for (const record of records) record.asked++;
    const versions = await this.#ask!(records.map((record) => record.name)).finally(() => {
      for (const record of records) record.asked--;
    });
    let changed = false;
    for (const [at, record] of records.entries()) {
      if (this.#records.get(record.name) !== record || record.invalidatedAt > askedAt) continue;
      if (this.#learn(record, versions[at]!, askedAt)) changed = true;
    }
    if (changed) this.onChange();
  }

  /** Takes in an answer to a question asked at `askedAt`; true when it means that the tag was invalidated. */
  #learn(record: TagRecord, { hard, soft, isNew }: TagVersion, askedAt: number): boolean {
    const before = record.version ?? record.doubted;
    const changed = before !== undefined && (before.hard !== hard || before.soft !== soft);
    const version = before && !changed ? before : { hard, soft };
    if (before === undefined && !isNew) record.learnedAt = ++this.#sequence;
    if (changed) {
      record.invalidatedAt = ++this.#sequence;
      this.epoch++;
    }
    // Heard of a change since the question: the answer may be from before it.
    const settled = record.doubtedAt <= askedAt;
    record.version = settled ? version : undefined;
    record.doubted = settled ? undefined : version;
    if (settled) record.isSuspect = false;
    return changed;
  }

  #changed(version: TagVersion, soft: boolean): TagVersion {
    return soft ? { hard: version.hard, soft: this.#unique().soft } : this.#unique();
  }

  #unique(): TagVersion {
    const version = (++this.#lastLocal).toString(36);
    return { hard: version, soft: version };
  }
}

function isKnown(stamp: TagStamp): boolean {
  return stamp.records.every((record) => record.version);
}

function lastKnown(record: TagRecord): TagVersion | undefined {
  return record.version ?? (record.isSuspect ? undefined : record.doubted);
}
