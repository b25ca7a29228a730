import { slotOf, SLOTS } from './redis-slots.ts';

/** `d` the value, `l` the lease, `f` the last failure, `t` a tag's version, `p` a pattern removed, `s` a lane's numbers. */
export type Kind = 'd' | 'l' | 'f' | 't' | 'p' | 's';

/** So many slots of a cluster are used. Each holds the values of its neighbours, so that they can share a lane's numbers. */
const LANES = 128;
const LANE_TAGS = laneTags();
const ANY_LANE = '{???}';

/**
 * Names in Redis. On one server `d:{key}`: what belongs to a key has its hash tag. On a cluster `d:{lane}key`: keys are
 * spread over lanes, each a slot of its own, since one script changes a value and numbers the change in the value's lane.
 */
export class Names {
  /** One per lane: the numbers of its announcements, and their channel. */
  readonly lanes: readonly string[];
  readonly #prefix: string;
  readonly #isCluster: boolean;

  constructor(prefix: string, isCluster: boolean) {
    this.#prefix = escapeBraces(prefix);
    this.#isCluster = isCluster;
    this.lanes = isCluster ? LANE_TAGS.map((tag) => `${this.#prefix}s:{${tag}}`) : [`${this.#prefix}s:`];
  }

  /** What the server is to tell of: all but leases and numbers. */
  get tracked(): string[] {
    return ['d:', 'f:', 't:', 'p:'].map((kind) => this.#prefix + kind);
  }

  of(kind: Kind, name: string): string {
    return `${this.#prefix}${kind}:${this.#tagged(name)}`;
  }

  /** A name nothing has, in the slot of a hash tag. */
  inSlotOf(hashTag: string): string {
    return `${this.#prefix}l:{${hashTag}}`;
  }

  /** The name, and that of its lane's numbers. */
  withLane(kind: Kind, name: string): [string, string] {
    return [this.of(kind, name), this.#laneOf(name)];
  }

  /** A value's name with those of its lease, its failure and its lane's numbers. */
  all(key: string): [string, string, string, string] {
    const tagged = this.#tagged(key);
    return [`${this.#prefix}d:${tagged}`, `${this.#prefix}l:${tagged}`, `${this.#prefix}f:${tagged}`, this.#laneOf(key)];
  }

  parse(name: string): { kind: string; key: string } {
    const at = this.#prefix.length;
    const kind = name[at]!;
    return this.#isCluster
      ? { kind, key: name.slice(at + 2 + ANY_LANE.length) }
      : { kind, key: unescapeBraces(name.slice(at + 3, -1)) };
  }

  /** On a cluster, what names in the same lane begin with. */
  laneStart(name: string): string {
    return name.slice(0, this.#prefix.length + 2 + ANY_LANE.length);
  }

  /** A glob for the names of keys that match one. */
  pattern(kind: Kind, pattern: string): string {
    const prefix = `${this.#prefix.replaceAll(/[*?[\]\\]/g, String.raw`\$&`)}${kind}:`;
    return prefix + (this.#isCluster ? ANY_LANE + pattern : `{${escapeBraces(pattern)}}`);
  }

  #tagged(name: string): string {
    return this.#isCluster ? `{${LANE_TAGS[laneOf(name)]!}}${name}` : `{${escapeBraces(name)}}`;
  }

  #laneOf(name: string): string {
    return this.#isCluster ? this.lanes[laneOf(name)]! : this.lanes[0]!;
  }
}

function laneOf(name: string): number {
  return Math.floor((slotOf(name) * LANES) / SLOTS);
}

/** For each lane a hash tag of three characters, in a slot of its part of the cluster. */
function laneTags(): string[] {
  const tags: string[] = [];
  for (let at = 36 ** 2, found = 0; found < LANES; at++) {
    const tag = at.toString(36);
    const lane = laneOf(tag);
    if (tags[lane] !== undefined) continue;
    tags[lane] = tag;
    found++;
  }
  return tags;
}

/** Braces would make a hash tag of a part of the key, and take its lease to another slot. */
function escapeBraces(text: string): string {
  return /[{}%]/.test(text) ? text.replaceAll('%', '%25').replaceAll('{', '%7B').replaceAll('}', '%7D') : text;
}

function unescapeBraces(text: string): string {
  return text.includes('%') ? text.replaceAll('%7D', '}').replaceAll('%7B', '{').replaceAll('%25', '%') : text;
}
