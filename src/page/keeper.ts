import { createHash } from 'node:crypto';
import type { Entry, FillLease, ValueStore } from '../cache/index.ts';
import { type Clock, type Duration, type Random, formatDuration } from '../kernel/index.ts';
import { responseControl } from './cache-control.ts';
import { type Compressor, ENCODINGS, isNegotiated } from './encodings.ts';
import { type Fields, fieldValue, firstLine, withoutFields } from './fields.ts';
import { type Lifetimes, servesStaleMs } from './freshness.ts';
import { type PageAddress, selectingValues } from './key.ts';
import type { PageSettings } from './options.ts';
import { heldRange } from './range.ts';
import { type PageData, type PageEntry, StoredPage, type VariantIndex } from './stored-page.ts';
import { groupTags, joinTags, originTags, ownTags } from './tags.ts';
import { languageVariantKey, sameNames, variantKey, varyNames, withLanguage } from './variants.ts';
import type { FillTarget } from './visit.ts';

/** A stored page as found: where it lies and until when it is fresh. */
export interface Found {
  readonly key: string;
  readonly entry: Entry<PageEntry>;
  readonly page: StoredPage;
}

/** What a look into the store brought. */
export interface Lookup {
  /** Where the page lies or would lie, by what is known now. */
  readonly key: string;
  readonly index: VariantIndex | undefined;
  readonly found: Found | undefined;
}

/** An answer that came in whole. */
export interface Received {
  readonly status: number;
  readonly fields: Fields;
  readonly body: Buffer;
  readonly lifetimes: Lifetimes;
  readonly receivedMs: number;
  readonly renderMs: number;
}

const NOT_STORED = new Set([
  'age',
  'content-length',
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
]);

/** Finds pages in the store and puts them there: URL, then the variant its `Vary` selects. */
export class Keeper {
  readonly #store: ValueStore<PageEntry>;
  readonly #compressor: Compressor;
  readonly #options: PageSettings;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(
    store: ValueStore<PageEntry>,
    compressor: Compressor,
    options: PageSettings,
    { clock, random }: { readonly clock: Clock; readonly random: Random },
  ) {
    this.#store = store;
    this.#compressor = compressor;
    this.#options = options;
    this.#clock = clock;
    this.#random = random;
  }

  /** What this process has in memory; never waits. */
  peek(primary: string, raw: Fields): Lookup {
    const entry = this.#store.peek(primary);
    if (entry?.value.kind !== 'variants') return lookupOf(primary, undefined, entry);
    const index = entry.value;
    const key = variantKey(primary, index, raw);
    const variant = this.#store.peek(key);
    if (variant) return lookupOf(key, index, variant);
    const otherKey = languageVariantKey(index, raw);
    return lookupOf(key, index, otherKey === undefined ? undefined : this.#store.peek(otherKey));
  }

  /** The same in every tier. */
  async look(primary: string, raw: Fields): Promise<Lookup> {
    const entry = await this.#store.entry(primary);
    if (entry?.value.kind !== 'variants') return lookupOf(primary, undefined, entry);
    const index = entry.value;
    const key = variantKey(primary, index, raw);
    const otherKey = languageVariantKey(index, raw);
    const variant = (await this.#store.entry(key)) ?? (otherKey === undefined ? undefined : await this.#store.entry(otherKey));
    return lookupOf(key, index, variant);
  }

  /** Makes a page of an answer and compresses it, once. */
  async make(target: FillTarget, received: Received): Promise<StoredPage> {
    const { fields, body } = received;
    const control = responseControl(fields);
    const kept = withoutFields(fields, new Set([...NOT_STORED, ...control.withheldFields]));
    const range = received.status === 206 ? heldRange(firstLine(fields, 'content-range'), body.length) : undefined;
    const negotiated = this.#options.compress && isNegotiated(fields, this.#options.compressAbove);
    const compressible = negotiated && range === undefined && body.length >= this.#options.compressAbove;
    return new StoredPage({
      status: received.status,
      fields: kept,
      body,
      negotiated,
      encoded: compressible ? await this.#compressor.compress(body, ENCODINGS) : {},
      etag: fieldValue(fields, 'etag') ?? (range === undefined && received.status === 200 ? bodyEtag(body) : undefined),
      range,
      lifetimes: received.lifetimes,
      receivedMs: received.receivedMs,
      renderMs: received.renderMs,
      address: target.address,
      requestFields: selectingFields(target, varyNames(fields)),
      tags: joinTags(target.tags, originTags(fields), groupTags('cache-groups', fields, originOf(target.address))),
    });
  }

  /**
   * Stores a page under `lease`, which was taken for `lookup.key`; false when an invalidation came between. Where the
   * answer varies by other fields than those before it, a new index replaces the old one, under the same lease's
   * verdict: the variant is written first and cannot be found until the index is.
   */
  async keep(target: FillTarget, lookup: Lookup, lease: FillLease<PageEntry>, page: StoredPage): Promise<boolean> {
    const options = this.#entryOptions(target, page.data);
    const names = varyNames(page.data.fields);
    if (lookup.index !== undefined && sameNames(names, lookup.index.names)) {
      const stored = await lease.commit(page, options);
      const grown = withLanguage(lookup.index, page.data.fields, lookup.key);
      if (stored && grown !== lookup.index) await this.#store.set(target.primary, grown, options);
      return stored;
    }
    const own = lookup.key === target.primary ? lease : await this.#leaseOfPrimary(target, lease);
    if (own === undefined) return false;
    if (names.length === 0) return own.commit(page, options);
    const generation = Math.floor(this.#random.next() * 2 ** 48).toString(36);
    const fresh: VariantIndex = { kind: 'variants', names, generation, languages: {} };
    const key = `${target.primary}\n${generation}\n${selectingValues(names, target.selecting)}`;
    await this.#store.set(key, page, options);
    return own.commit(withLanguage(fresh, page.data.fields, key), { ...options, ttl: INDEX_TTL });
  }

  async #leaseOfPrimary(target: FillTarget, lease: FillLease<PageEntry>): Promise<FillLease<PageEntry> | undefined> {
    const right = await this.#store.begin(target.primary, { tags: this.#fixedTags(target) });
    const lost = lease.signal.aborted;
    await lease.abandon();
    if (right.role !== 'leader') return undefined;
    if (!lost) return right;
    await right.abandon();
    return undefined;
  }

  /** From now on stale, still usable within its grace. */
  async expire(key: string): Promise<void> {
    await this.#store.expire(key);
  }

  /** Asks for the right to fill `key`. */
  begin(target: FillTarget, key: string): ReturnType<ValueStore<PageEntry>['begin']> {
    return this.#store.begin(key, { tags: this.#fixedTags(target) });
  }

  #fixedTags(target: FillTarget): string[] {
    return [...target.tags, ...ownTags(target.address.path)];
  }

  #entryOptions(target: FillTarget, data: PageData) {
    const { lifetimes } = data;
    const leftMs = Math.max(0, lifetimes.freshMs - lifetimes.initialAgeMs - (this.#clock.now() - data.receivedMs));
    const hasValidator = fieldValue(data.fields, 'etag') !== undefined || fieldValue(data.fields, 'last-modified') !== undefined;
    const graceMs = Math.max(
      servesStaleMs(lifetimes, this.#options.profile).pressedMs,
      lifetimes.staleIfErrorMs,
      lifetimes.staleIfUnreachableMs,
      hasValidator ? this.#options.keepForValidation : 0,
    );
    return {
      ttl: written(leftMs),
      grace: written(graceMs),
      memoryTtl: written(target.policy.memoryTtlMs),
      tags: [...data.tags, ...ownTags(target.address.path)],
    };
  }
}

/** An index outlives its variants: it only says where to look. */
const INDEX_TTL = '30d';

function lookupOf(key: string, index: VariantIndex | undefined, entry: Entry<PageEntry> | undefined): Lookup {
  return { key, index, found: entry?.value.kind === 'page' ? { key, entry, page: entry.value } : undefined };
}

/** A lookup for a whole page: a part that is stored does not help. */
export function withoutPart(lookup: Lookup): Lookup {
  return lookup.found?.page.data.range === undefined ? lookup : { ...lookup, found: undefined };
}

function written(ms: number): Duration {
  return ms < 1 ? 0 : formatDuration(ms);
}

function originOf({ scheme, authority }: PageAddress): string {
  return `${scheme}://${authority}`;
}

/** A strong entity tag of the body's bytes. */
export function bodyEtag(body: Buffer): string {
  return `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
}

/** What a later request by ourselves needs to send to get the same variant. */
function selectingFields(target: FillTarget, names: readonly string[]): string[] {
  const wanted = new Set([...names, ...target.policy.varyHeaders, 'accept', 'accept-language']);
  const kept: string[] = [];
  const { selecting } = target;
  for (let at = 0; at < selecting.length; at += 2) {
    const name = selecting[at]!.toLowerCase();
    if (wanted.has(name)) kept.push(name, selecting[at + 1]!);
  }
  return kept;
}
