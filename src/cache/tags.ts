import type { TagVersion } from '../ports/index.ts';

/**
 * What this process knows of one tag. Entries point at it and carry the versions they were made under; they are valid
 * while these are still the tag's.
 */
export interface TagRecord {
  readonly name: string;
  /** undefined: not known (any more), ask the store. */
  version: TagVersion | undefined;
  /** {@link TagTable.sequence} when the tag was last invalidated, 0 for never. */
  invalidatedAt: number;
}

/** The tags of an entry with the versions they had before its value was made. */
export interface TagStamp {
  readonly records: readonly TagRecord[];
  readonly versions: readonly TagVersion[];
}

/** `unknown`: at least one version has to be asked for first. */
export type TagVerdict = 'valid' | 'stale' | 'invalid' | 'unknown';

/** Asks the store for the tags' current versions. */
type Ask = (tags: readonly string[]) => Promise<readonly TagVersion[]>;

/**
 * The versions of tags in this process. An invalidation changes one version, whatever the number of entries; entries find
 * out when they are next read. At most `maxTags` are kept: entries of a tag that was dropped are asked about again, or
 * without a store count as invalid.
 */
export class TagTable {
  /** Least recently asked for first. */
  readonly #records = new Map<string, TagRecord>();
  readonly #pinned = new Set<string>();
  readonly #maxTags: number;
  readonly #ask: Ask | undefined;
  /** Tags with a version made up while the store was away. */
  readonly #apart = new Set<TagRecord>();
  #lastLocal = 0;
  #sequence = 0;
  /** Tags invalidated at or before this may have left the table. */
  #forgottenAt = 0;
  /** Told after each invalidation. */
  onInvalidation: () => void = () => {};
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
    this.#pinned.add(tag);
    this.#record(tag);
  }

  /** The tags with their present versions, asked for where they are not known. Rejects when the store does. */
  async stamp(tags: readonly string[]): Promise<TagStamp> {
    const records = await this.#known(tags);
    return { records, versions: records.map((record) => record.version!) };
  }

  /** The same without waiting; undefined when a version is not known. */
  stampNow(tags: readonly string[]): TagStamp | undefined {
    const records = tags.map((tag) => this.#record(tag));
    return records.every((record) => record.version)
      ? { records, versions: records.map((record) => record.version!) }
      : undefined;
  }

  /**
   * A stamp while the store cannot be asked: unknown tags get versions that hold in this process only, until the store is
   * heard of again.
   */
  stampApart(tags: readonly string[]): TagStamp {
    const records = tags.map((tag) => this.#record(tag));
    for (const record of records) {
      if (record.version) continue;
      record.version = this.#unique();
      this.#apart.add(record);
    }
    return { records, versions: records.map((record) => record.version!) };
  }

  /** The store answers again: what {@link stampApart} made up is forgotten. */
  forgetApart(): void {
    if (this.#apart.size === 0) return;
    for (const record of this.#apart) record.version = undefined;
    this.#apart.clear();
    this.epoch++;
  }

  /** A stamp that came with a stored value. */
  restore(tags: readonly string[], versions: readonly TagVersion[]): TagStamp {
    return { records: tags.map((tag) => this.#record(tag)), versions };
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

  /** The stamp with records that are known; entries must take it in place of theirs, which may have been dropped. */
  async renew(stamp: TagStamp): Promise<TagStamp> {
    return { records: await this.#known(stamp.records.map((record) => record.name)), versions: stamp.versions };
  }

  /** Whether one of the tags was invalidated since `sequence`. True also when that cannot be told any more. */
  invalidatedSince(tags: readonly string[], sequence: number): boolean {
    if (this.#forgottenAt > sequence) return true;
    return tags.some((tag) => (this.#records.get(tag)?.invalidatedAt ?? 0) > sequence);
  }

  /**
   * The tag is changed, here or by another process: its version has to be asked for. Without a store it gets a new one
   * here. Returns which invalidation this was, for {@link accept}.
   */
  invalidate(tag: string, soft: boolean): number {
    const record = this.#record(tag);
    record.invalidatedAt = ++this.#sequence;
    this.epoch++;
    record.version = this.#ask ? undefined : this.#changed(record.version!, soft);
    this.onInvalidation();
    return record.invalidatedAt;
  }

  /**
   * The store gave the tag `version` for the change that {@link invalidate} announced as `announced`; undefined: it has
   * still to hear of it. When another process's change was heard of since, it is not known which of the two the store
   * made last.
   */
  accept(tag: string, version: TagVersion | undefined, announced: number): void {
    const record = this.#record(tag);
    const overtaken = record.invalidatedAt !== announced;
    this.invalidate(tag, false);
    if (version && !overtaken) record.version = version;
    if (version) return;
    record.version = this.#unique();
    this.#apart.add(record);
  }

  /** Messages may have been missed: no version is known, and every load that runs may have been overtaken. */
  forgetAll(): void {
    this.#forgottenAt = ++this.#sequence;
    this.epoch++;
    for (const record of this.#records.values()) {
      record.version = this.#ask ? undefined : this.#unique();
      record.invalidatedAt = this.#sequence;
    }
  }

  #record(tag: string): TagRecord {
    const existing = this.#records.get(tag);
    if (existing) {
      this.#records.delete(tag);
      this.#records.set(tag, existing);
      return existing;
    }
    const record: TagRecord = { name: tag, version: this.#ask ? undefined : this.#unique(), invalidatedAt: 0 };
    this.#records.set(tag, record);
    if (this.#records.size > this.#maxTags) this.#dropOldest();
    return record;
  }

  /** The dropped record stays with its entries: unknown makes them ask, a version of its own makes them invalid. */
  #dropOldest(): void {
    for (const oldest of this.#records.values()) {
      if (this.#pinned.has(oldest.name)) continue;
      this.#records.delete(oldest.name);
      this.#forgottenAt = Math.max(this.#forgottenAt, oldest.invalidatedAt);
      oldest.version = this.#ask ? undefined : this.#unique();
      this.epoch++;
      return;
    }
  }

  /** Asks until every version is known; an answer that an invalidation overtook does not count. */
  async #known(tags: readonly string[]): Promise<TagRecord[]> {
    for (;;) {
      const records = tags.map((tag) => this.#record(tag));
      const unknown = records.filter((record) => record.version === undefined);
      if (unknown.length === 0) return records;
      const asked = unknown.map((record) => record.invalidatedAt);
      const versions = await this.#ask!(unknown.map((record) => record.name));
      for (const [at, record] of unknown.entries()) {
        const kept = this.#records.get(record.name) === record;
        if (kept && record.invalidatedAt === asked[at]) record.version = versions[at]!;
      }
    }
  }

  #changed(version: TagVersion, soft: boolean): TagVersion {
    return soft ? { hard: version.hard, soft: this.#unique().soft } : this.#unique();
  }

  #unique(): TagVersion {
    const version = (++this.#lastLocal).toString(36);
    return { hard: version, soft: version };
  }
}
