import { createHash } from 'node:crypto';
import type { PageCachePolicy, RoutePolicy } from '../policy/index.ts';
import type { Upstream } from '../ports/index.ts';
import type { PageAddress } from './key.ts';
import { PageTraffic } from './traffic.ts';

/** What a process remembers of a page beyond its entry in the store: enough to make it again without a client. */
export interface KnownPage {
  /** Key of the page, or of its variant. */
  readonly key: string;
  /** Stands for the key among processes. */
  readonly digest: string;
  readonly primary: string;
  readonly route: RoutePolicy;
  readonly policy: PageCachePolicy;
  readonly address: PageAddress;
  readonly tags: readonly string[];
  readonly requestFields: readonly string[];
  readonly upstream: Upstream;
  /** Wall-clock ms of its last making, as far as this process knows. */
  generatedMs: number;
  readonly traffic: PageTraffic;
}

/** The pages a process knows of, by key, path and tag; the one not heard of for longest is forgotten first. */
export class PageBook {
  readonly #capacity: number;
  readonly #pages = new Map<string, KnownPage>();
  readonly #byPath = new Map<string, Set<string>>();
  readonly #byTag = new Map<string, Set<string>>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#pages.size;
  }

  get(key: string): KnownPage | undefined {
    return this.#pages.get(key);
  }

  /** Notes a page that was stored; its traffic goes on where it was. */
  note(page: Omit<KnownPage, 'traffic' | 'digest'>, nowMs: number): KnownPage {
    const earlier = this.#pages.get(page.key);
    if (earlier) this.#remove(earlier);
    else if (this.#pages.size >= this.#capacity) this.#remove(this.#pages.values().next().value!);
    const known = { ...page, digest: earlier?.digest ?? digestOf(page.key), traffic: earlier?.traffic ?? new PageTraffic(nowMs) };
    if (earlier && earlier.generatedMs < page.generatedMs) known.traffic.turn(nowMs);
    this.#pages.set(page.key, known);
    add(this.#byPath, page.address.path, page.key);
    for (const tag of page.tags) add(this.#byTag, tag, page.key);
    return known;
  }

  ofPath(path: string): KnownPage[] {
    return this.#all(this.#byPath.get(path));
  }

  ofTag(tag: string): KnownPage[] {
    return this.#all(this.#byTag.get(tag));
  }

  [Symbol.iterator](): IterableIterator<KnownPage> {
    return this.#pages.values();
  }

  #all(keys: Iterable<string> = []): KnownPage[] {
    return Array.from(keys, (key) => this.#pages.get(key)!);
  }

  #remove(page: KnownPage): void {
    this.#pages.delete(page.key);
    drop(this.#byPath, page.address.path, page.key);
    for (const tag of page.tags) drop(this.#byTag, tag, page.key);
  }
}

function digestOf(key: string): string {
  return createHash('sha256').update(key).digest('base64url').slice(0, 10);
}

function add(index: Map<string, Set<string>>, name: string, key: string): void {
  const keys = index.get(name);
  if (keys) keys.add(key);
  else index.set(name, new Set([key]));
}

function drop(index: Map<string, Set<string>>, name: string, key: string): void {
  const keys = index.get(name);
  keys?.delete(key);
  if (keys?.size === 0) index.delete(name);
}
