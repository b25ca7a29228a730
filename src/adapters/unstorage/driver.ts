import { createCache, type Cache, type Entry, type EntryOptions } from '../../cache/index.ts';
import { ConfigError, parseOptions, runtimeFrom, SpillwayError, type Clock, type Runtime } from '../../kernel/index.ts';
import { Claim, Claims } from '../claims.ts';
import { isNitroKey, readNitroEntry, writeNitroEntry } from './nitro-entry.ts';
import { driverOptions, type UnstorageOptions } from './options.ts';

/** What may be said of one item; seconds. */
export interface ItemOptions {
  readonly ttl?: number;
}

/** A driver of unstorage, for `createStorage({ driver })` and Nitro's `storage`. */
export interface UnstorageDriver {
  readonly name: string;
  readonly options: UnstorageOptions;
  readonly flags: { readonly ttl: boolean };
  /** The cache behind it: tags, statistics, events. */
  getInstance(): Cache;
  hasItem(key: string): Promise<boolean>;
  getItem(key: string): Promise<string | null>;
  getItemRaw(key: string): Promise<unknown>;
  setItem(key: string, value: string, options?: ItemOptions): Promise<void>;
  setItemRaw(key: string, value: unknown, options?: ItemOptions): Promise<void>;
  removeItem(key: string): Promise<void>;
  getMeta(key: string): Promise<{ readonly mtime: Date; readonly ttl: number } | null>;
  /** @throws SpillwayError `SPILLWAY_KEYS_UNLISTED`, always. */
  getKeys(base: string): Promise<string[]>;
  clear(base: string): Promise<void>;
  dispose(): Promise<void>;
}

/** As it is kept: text as it is, anything of `setItemRaw`, or the parts of an entry of Nitro. */
interface Stored {
  readonly item?: unknown;
  readonly nitro?: { readonly rest: string };
}

/**
 * A driver of unstorage over Spillway's cache: memory in each instance, Redis between them, and one instance of the fleet to
 * make anew what Nitro's cached handlers find overdue. Answers with a `Cache-Tag` can be invalidated by it.
 *
 * ```js
 * // nitro.config: storage: { cache: { driver: 'spillway/unstorage', redisFrom: 'REDIS_URL' } }
 * ```
 * @throws ConfigError when options are wrong.
 */
export function spillwayDriver(options: UnstorageOptions = {}, runtime: Partial<Runtime> = {}): UnstorageDriver {
  const driver = new Driver(options, runtime);
  // unstorage calls the methods without their object.
  return {
    name: 'spillway',
    options,
    flags: { ttl: true },
    getInstance: () => driver.cache,
    hasItem: (key) => driver.hasItem(key),
    getItem: (key) => driver.getItem(key),
    getItemRaw: (key) => driver.getItemRaw(key),
    setItem: (key, value, itemOptions) => driver.setItem(key, value, itemOptions),
    setItemRaw: (key, value, itemOptions) => driver.setItemRaw(key, value, itemOptions),
    removeItem: (key) => driver.removeItem(key),
    getMeta: (key) => driver.getMeta(key),
    getKeys: () => driver.getKeys(),
    clear: (base) => driver.clear(base),
    dispose: () => driver.dispose(),
  };
}

class Driver {
  readonly #isOwn: boolean;
  readonly #open: () => Opened;
  readonly #clock: Clock;
  readonly #keepS: number;
  readonly #wait: number;
  #opened: Opened | undefined;

  constructor(options: UnstorageOptions, runtime: Partial<Runtime>) {
    // What Nitro adds of its own to a mount point's options.
    const {
      cache,
      redisFrom,
      wait,
      renderTimeout,
      keep,
      driver: _driver,
      base: _base,
      ...rest
    } = options as UnstorageOptions & Mount;
    const settings = parseOptions(driverOptions, { cache, redisFrom, wait, renderTimeout, keep }, 'spillwayDriver(options)');
    this.#isOwn = cache === undefined;
    this.#clock = runtimeFrom(runtime).clock;
    this.#keepS = settings.keep / 1000;
    this.#wait = settings.wait;
    this.#open = () => {
      const own =
        cache ?? createCache({ name: 'unstorage', ...(redisFrom && { redis: addressIn(redisFrom) }), ...rest }, runtime);
      const entries = own.namespace<Stored>('items');
      return { cache: own, entries, claims: new Claims(entries, this.#clock, settings) };
    };
  }

  get cache(): Cache {
    return this.#parts.cache;
  }

  async hasItem(key: string): Promise<boolean> {
    return (await this.#parts.entries.entry(key)) !== undefined;
  }

  async getItem(key: string): Promise<string | null> {
    const item = await (isNitroKey(key) ? this.#nitroItem(key) : this.getItemRaw(key));
    return item === undefined || item === null ? null : typeof item === 'string' ? item : JSON.stringify(item);
  }

  async getItemRaw(key: string): Promise<unknown> {
    const value = (await this.#parts.entries.entry(key))?.value;
    return value?.nitro ? writeNitroEntry(value.nitro, this.#clock.now()) : (value?.item ?? null);
  }

  async setItem(key: string, text: string, { ttl }: ItemOptions = {}): Promise<void> {
    const nitro = isNitroKey(key) ? readNitroEntry(text) : undefined;
    if (!nitro) return this.setItemRaw(key, text, ttl === undefined ? {} : { ttl });
    const { rest, expiresMs, tags } = nitro;
    const freshS = expiresMs === undefined ? this.#keepS : (expiresMs - this.#clock.now()) / 1000;
    // A time to live is what Nitro gives to what must not be served stale.
    const options = { ...times(ttl ?? freshS, ttl === undefined ? this.#keepS : 0), tags };
    await this.#store(key, { nitro: { rest } }, options);
  }

  async setItemRaw(key: string, item: unknown, { ttl }: ItemOptions = {}): Promise<void> {
    await this.#store(key, { item }, times(ttl ?? this.#keepS, 0));
  }

  async removeItem(key: string): Promise<void> {
    await this.#parts.entries.delete(key);
  }

  async getMeta(key: string): Promise<{ readonly mtime: Date; readonly ttl: number } | null> {
    const entry = await this.#parts.entries.entry(key);
    if (!entry) return null;
    return { mtime: new Date(entry.storedMs), ttl: Math.max(0, Math.ceil((entry.freshUntilMs - this.#clock.now()) / 1000)) };
  }

  async getKeys(): Promise<string[]> {
    throw new SpillwayError('SPILLWAY_KEYS_UNLISTED', 'A storage over Spillway’s cache cannot list its keys.');
  }

  async clear(base: string): Promise<void> {
    const { entries } = this.#parts;
    if (base === '') await entries.clear();
    else await entries.deletePattern(`${base.replaceAll(/[*?[\]\\]/g, '\\$&')}*`);
  }

  async dispose(): Promise<void> {
    if (this.#isOwn) await this.#opened?.cache.close();
    this.#opened = undefined;
  }

  /** Nitro makes its drivers while it builds too, so nothing is opened before it is used. */
  get #parts(): Opened {
    return (this.#opened ??= this.#open());
  }

  /** An entry that Nitro takes for fresh, unless this request is to make it anew. */
  async #nitroItem(key: string): Promise<unknown> {
    const { entries, claims } = this.#parts;
    const entry = await entries.entry(key);
    if (entry && entry.freshUntilMs > this.#clock.now()) return this.#asFresh(entry);
    if (entry) {
      const start = await claims.claim(key, entry.tags);
      return start === undefined || start instanceof Claim ? asOverdue(entry) : this.#asFresh(entry);
    }
    if (this.#wait === 0) {
      await claims.claim(key);
      return null;
    }
    const made = await claims.claimOrFind(key, [], () => entries.entry(key));
    return made === undefined || made instanceof Claim ? null : this.#asFresh(made);
  }

  #asFresh({ value }: Entry<Stored>): unknown {
    return value.nitro ? writeNitroEntry(value.nitro, this.#clock.now()) : value.item;
  }

  async #store(key: string, stored: Stored, options: EntryOptions): Promise<void> {
    const { claims, entries } = this.#parts;
    const [claim, later] = claims.held(key);
    if (!claim) await entries.set(key, stored, options);
    // Whoever has claimed it since the invalidation was handed this outdated result by Nitro, and will store nothing.
    else if (!(await claim.commit(stored, options))) await later?.release();
  }
}

interface Opened {
  readonly cache: Cache;
  readonly entries: Cache<Stored>;
  readonly claims: Claims<Stored>;
}

interface Mount {
  readonly driver?: string;
  readonly base?: string;
}

function addressIn(variable: string): string {
  const address = process.env[variable];
  if (address) return address;
  const message = `names the environment variable ${variable}, which is not set`;
  throw new ConfigError('spillwayDriver(options)', [{ path: 'redisFrom', message, fix: 'set it to the address of Redis' }]);
}

function asOverdue({ value }: Entry<Stored>): unknown {
  return value.nitro ? writeNitroEntry(value.nitro, 0) : value.item;
}

function times(freshS: number, graceS: number): EntryOptions {
  return { ttl: `${Math.max(0, Math.ceil(freshS))}s`, grace: `${Math.ceil(graceS)}s` };
}
