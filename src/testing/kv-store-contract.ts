import assert from 'node:assert/strict';
import type { Clock } from '../kernel/index.ts';
import type { KvStore, StoredValue, StoreListener, StoreWatch, TagVersion } from '../ports/index.ts';

/** What the contract needs beside a store: time that passes as the store sees it. */
export interface KvStoreRig {
  /** The clock the stores were given. */
  readonly clock: Clock;
  /** A process's own way to one shared store, ready for use. Whoever made the rig closes it. */
  connect(): Promise<KvStore>;
  /** Waits until `condition` holds. */
  until(what: string, condition: () => boolean | Promise<boolean>): Promise<void>;
}

/** One promise of the port, put to the test. */
export interface KvStoreCase {
  readonly title: string;
  run(rig: KvStoreRig): Promise<void>;
}

const LEASE_MS = 30_000;
const KEEP_MS = 60_000;
/** Long enough to be seen, short enough to wait for. */
const BRIEF_MS = 60;
/** Keys that a store's own syntax could trip over. */
const AWKWARD_KEYS = ['plain', 'a b', '{tag}rest', '}{', '%7B', 'ä€🂡', 'glob*?[x]', 'line\nbreak', 'x'.repeat(300)];

let names = 0;
const newName = (kind: string): string => `${kind}:${++names}`;

function valueOf(text: string, storedMs = 1000): StoredValue {
  return { storedMs, freshUntilMs: 5e12, bytes: Buffer.from(text) };
}

function textOf(value: StoredValue | undefined): string | undefined {
  return value && Buffer.from(value.bytes).toString();
}

async function putText(store: KvStore, key: string, text: string, storedMs?: number): Promise<void> {
  await store.put([{ key, value: valueOf(text, storedMs), keepMs: KEEP_MS }]);
}

/** A lease on a new key, held by `store`. */
async function leased(store: KvStore, key = newName('leased')): Promise<{ key: string; token: string }> {
  const token = newName('token');
  assert.deepEqual(await store.acquire(key, token, LEASE_MS, Infinity), { outcome: 'granted' });
  return { key, token };
}

const commitText = (store: KvStore, key: string, token: string, text: string): Promise<boolean> =>
  store.commit(token, { key, value: valueOf(text, 2000), keepMs: KEEP_MS });

/** The versions alone, whoever made them up. */
const bare = (versions: readonly TagVersion[]): TagVersion[] => versions.map(({ hard, soft }) => ({ hard, soft }));

/** What a listener heard, as `value:name`. */
class Heard implements StoreListener {
  readonly all: string[] = [];
  gaps = 0;

  onValue(key: string): void {
    this.all.push(`value:${key}`);
  }

  onTag(tag: string): void {
    this.all.push(`tag:${tag}`);
  }

  onPattern(pattern: string): void {
    this.all.push(`pattern:${pattern}`);
  }

  onAbandoned(key: string): void {
    this.all.push(`abandoned:${key}`);
  }

  onGap(): void {
    this.gaps++;
  }

  has(what: string): boolean {
    return this.all.includes(what);
  }
}

async function watched(rig: KvStoreRig): Promise<{ changer: KvStore; heard: Heard; watch: StoreWatch; watcher: KvStore }> {
  const [changer, watcher] = await Promise.all([rig.connect(), rig.connect()]);
  const heard = new Heard();
  const watch = watcher.watch(heard, 400);
  await rig.until('the watch has proven something', () => watch.provenMs > -Infinity);
  // What was before it began to listen, it may not have been told of.
  heard.gaps = 0;
  return { changer, heard, watch, watcher };
}

/** A change made by one process, and what another must be told of it. */
const CHANGES: Readonly<Record<string, (store: KvStore, key: string) => Promise<string>>> = {
  put: async (store, key) => (await putText(store, key, 'new'), `value:${key}`),
  remove: async (store, key) => (await store.remove([key]), `value:${key}`),
  'remove of nothing': async (store) => {
    const key = newName('absent');
    await store.remove([key]);
    return `value:${key}`;
  },
  expire: async (store, key) => (await store.expire(key, 1), `value:${key}`),
  commit: async (store, key) => {
    const { token } = await leased(store, key);
    assert.ok(await commitText(store, key, token, 'filled'));
    return `value:${key}`;
  },
  abandon: async (store) => {
    const { key, token } = await leased(store);
    await store.abandon(key, token);
    return `abandoned:${key}`;
  },
  'abandon with a failure': async (store) => {
    const { key, token } = await leased(store);
    await store.abandon(key, token, { attempts: 1, message: 'down' }, KEEP_MS);
    return `abandoned:${key}`;
  },
  removeMatching: async (store, key) => (await store.removeMatching(`${key}*`), `pattern:${key}*`),
  bump: async (store) => {
    const tag = newName('tag');
    await store.bump([tag], false);
    return `tag:${tag}`;
  },
  'soft bump': async (store) => {
    const tag = newName('tag');
    await store.bump([tag], true);
    return `tag:${tag}`;
  },
};

/** Each change to a value, which must end the lease on its key. */
const OVERTAKING: Readonly<Record<string, (store: KvStore, key: string) => Promise<unknown>>> = {
  put: (store, key) => putText(store, key, 'put'),
  remove: (store, key) => store.remove([key]),
  expire: (store, key) => store.expire(key, 1),
  removeMatching: (store, key) => store.removeMatching(`${key}*`),
};

/** Every promise of {@link KvStore}; a driver passes all of them, against a real server where it has one. */
export const KV_STORE_CONTRACT: readonly KvStoreCase[] = [
  {
    title: 'get: what one process put, another finds, byte for byte, whatever the key',
    run: async (rig) => {
      const [a, b] = await Promise.all([rig.connect(), rig.connect()]);
      const bytes = Uint8Array.from({ length: 256 }, (_, at) => at);
      const prefix = newName('get');
      for (const awkward of AWKWARD_KEYS) {
        const key = prefix + awkward;
        assert.equal(await b.get(key), undefined);
        await a.put([{ key, value: { storedMs: 1.5, freshUntilMs: 2e12 + 0.25, bytes }, keepMs: KEEP_MS }]);
        const found = (await b.get(key))!;
        assert.deepEqual([found.storedMs, found.freshUntilMs, [...found.bytes]], [1.5, 2e12 + 0.25, [...bytes]]);
      }
      const empty = newName('empty');
      await putText(a, empty, '');
      assert.equal(textOf(await b.get(empty)), '');
    },
  },
  {
    title: 'getMany: in the order asked for, with gaps where there is nothing',
    run: async (rig) => {
      const store = await rig.connect();
      const keys = Array.from({ length: 300 }, () => newName('many'));
      await store.put(keys.map((key) => ({ key, value: valueOf(key), keepMs: KEEP_MS })));
      const asked = [...keys.toReversed(), newName('none'), keys[0]!, keys[0]!];
      const expected = asked.map((key) => (keys.includes(key) ? key : undefined));
      assert.deepEqual((await store.getMany(asked)).map(textOf), expected);
      assert.deepEqual(await store.getMany([]), []);
    },
  },
  {
    title: 'put: replaces; with ifNewer only what was made earlier',
    run: async (rig) => {
      const store = await rig.connect();
      const key = newName('put');
      const putIfNewer = (text: string, storedMs: number): Promise<void> =>
        store.put([{ key, value: valueOf(text, storedMs), keepMs: KEEP_MS }], { ifNewer: true });
      await putIfNewer('first', 50);
      assert.equal(textOf(await store.get(key)), 'first', 'over nothing');
      await putIfNewer('same age', 50);
      await putIfNewer('older', 49);
      assert.equal(textOf(await store.get(key)), 'first');
      await putIfNewer('newer', 51);
      assert.equal(textOf(await store.get(key)), 'newer');
      await putText(store, key, 'unconditional', 1);
      assert.equal(textOf(await store.get(key)), 'unconditional');
    },
  },
  {
    title: 'put: keeps a value for keepMs and no longer',
    run: async (rig) => {
      const store = await rig.connect();
      const [brief, lasting] = [newName('brief'), newName('lasting')];
      await store.put([
        { key: brief, value: valueOf('brief'), keepMs: BRIEF_MS },
        { key: lasting, value: valueOf('lasting'), keepMs: KEEP_MS },
      ]);
      await rig.until('the value is gone', async () => (await store.get(brief)) === undefined);
      assert.equal(textOf(await store.get(lasting)), 'lasting');
    },
  },
  {
    title: 'remove: says how many there were; with beforeMs only what was made before',
    run: async (rig) => {
      const store = await rig.connect();
      const [old, young, absent] = [newName('old'), newName('young'), newName('absent')];
      await putText(store, old, 'old', 10);
      await putText(store, young, 'young', 20);
      assert.equal(await store.remove([old, young, absent], { beforeMs: 20 }), 1);
      assert.deepEqual((await store.getMany([old, young])).map(textOf), [undefined, 'young']);
      assert.equal(await store.remove([old, young]), 1);
      assert.equal(await store.get(young), undefined);
      assert.equal(await store.remove([]), 0);
    },
  },
  {
    title: 'expire: moves the end of freshness to the past, never to the future, and nothing else',
    run: async (rig) => {
      const store = await rig.connect();
      const key = newName('expire');
      assert.equal(await store.expire(key, 1), false);
      assert.equal(await store.get(key), undefined, 'nothing is made by it');
      await putText(store, key, 'text');
      assert.equal(await store.expire(key, 7000), true);
      const found = (await store.get(key))!;
      assert.deepEqual([found.storedMs, found.freshUntilMs, textOf(found)], [1000, 7000, 'text']);
      await store.expire(key, 9000);
      assert.equal((await store.get(key))!.freshUntilMs, 7000);
    },
  },
  {
    title: 'removeMatching: the glob, the whole glob and nothing but the glob',
    run: async (rig) => {
      const store = await rig.connect();
      const prefix = newName('glob');
      const rest = ['ab', 'ac', 'abc', 'b', 'a*', '{ab}', 'x'];
      for (const each of rest) await putText(store, prefix + each, each);
      const left = async (): Promise<string[]> =>
        (await store.getMany(rest.map((each) => prefix + each))).map(textOf).filter((text) => text !== undefined);
      assert.equal(await store.removeMatching(`${prefix}a[bx]`), 1);
      assert.deepEqual(await left(), ['ac', 'abc', 'b', 'a*', '{ab}', 'x']);
      assert.equal(await store.removeMatching(String.raw`${prefix}a\*`), 1);
      assert.deepEqual(await left(), ['ac', 'abc', 'b', '{ab}', 'x']);
      assert.equal(await store.removeMatching(`${prefix}?`), 2);
      assert.deepEqual(await left(), ['ac', 'abc', '{ab}']);
      assert.equal(await store.removeMatching(`${prefix}{*}`), 1);
      assert.equal(await store.removeMatching(`${prefix}*`), 2);
      assert.deepEqual(await left(), []);
      assert.equal(await store.removeMatching(`${prefix}*`), 0);
    },
  },
  {
    title: 'acquire: one of all who ask at once is granted the lease, the others are told how long it lasts',
    run: async (rig) => {
      const stores = await Promise.all([rig.connect(), rig.connect()]);
      const key = newName('acquire');
      const answers = await Promise.all(
        Array.from({ length: 40 }, (_, at) => stores[at % 2]!.acquire(key, newName('token'), LEASE_MS, 0)),
      );
      assert.equal(answers.filter((answer) => answer.outcome === 'granted').length, 1);
      for (const answer of answers) {
        if (answer.outcome === 'granted') continue;
        assert.equal(answer.outcome, 'held');
        assert.ok(answer.outcome === 'held' && answer.leftMs > 0 && answer.leftMs <= LEASE_MS);
      }
    },
  },
  {
    title: 'acquire: a value newer than the one seen is given instead of a lease',
    run: async (rig) => {
      const store = await rig.connect();
      const key = newName('stored');
      await putText(store, key, 'text', 100);
      for (const seenMs of [0, 99]) {
        const answer = await store.acquire(key, newName('token'), LEASE_MS, seenMs);
        assert.equal(answer.outcome, 'stored');
        assert.ok(answer.outcome === 'stored' && textOf(answer.value) === 'text' && answer.value.storedMs === 100);
      }
      const token = newName('token');
      assert.equal((await store.acquire(key, token, LEASE_MS, 100)).outcome, 'granted');
      await store.abandon(key, token);
      assert.equal((await store.acquire(key, newName('token'), LEASE_MS, Infinity)).outcome, 'granted');
    },
  },
  {
    title: 'a lease that is not renewed passes on, and the one who lost it stores nothing',
    run: async (rig) => {
      const store = await rig.connect();
      const key = newName('lapsed');
      const [late, next] = [newName('token'), newName('token')];
      assert.equal((await store.acquire(key, late, BRIEF_MS, 0)).outcome, 'granted');
      await rig.until('the next one is granted it', async () => {
        return (await store.acquire(key, next, LEASE_MS, 0)).outcome === 'granted';
      });
      assert.equal(await store.renew(key, late, LEASE_MS), false);
      assert.equal(await commitText(store, key, late, 'late'), false);
      await store.abandon(key, late, { attempts: 1, message: 'late' }, KEEP_MS);
      assert.equal(await store.get(key), undefined);
      assert.equal(await commitText(store, key, next, 'next'), true);
      assert.equal(textOf(await store.get(key)), 'next');
    },
  },
  {
    title: 'renew: prolongs',
    run: async (rig) => {
      const store = await rig.connect();
      const key = newName('renewed');
      const token = newName('token');
      await store.acquire(key, token, KEEP_MS, 0);
      assert.equal(await store.renew(key, token, 10 * KEEP_MS), true);
      const answer = await store.acquire(key, newName('token'), LEASE_MS, 0);
      assert.ok(answer.outcome === 'held' && answer.leftMs > KEEP_MS);
      assert.equal(await store.renew(key, newName('token'), LEASE_MS), false);
    },
  },
  {
    title: 'commit: stores, and ends the lease',
    run: async (rig) => {
      const store = await rig.connect();
      const { key, token } = await leased(store);
      assert.equal(await commitText(store, key, newName('token'), 'stranger'), false);
      assert.equal(await store.get(key), undefined);
      assert.equal(await commitText(store, key, token, 'filled'), true);
      assert.equal(textOf(await store.get(key)), 'filled');
      assert.equal(await commitText(store, key, token, 'twice'), false);
      assert.equal(await store.renew(key, token, LEASE_MS), false);
    },
  },
  {
    title: 'abandon: the next one may; after a failure nobody may for a while, anywhere',
    run: async (rig) => {
      const [a, b] = await Promise.all([rig.connect(), rig.connect()]);
      const { key, token } = await leased(a);
      await b.abandon(key, newName('token'));
      assert.equal((await b.acquire(key, newName('token'), LEASE_MS, 0)).outcome, 'held', 'a stranger ends nothing');
      await a.abandon(key, token);
      const second = newName('token');
      assert.equal((await b.acquire(key, second, LEASE_MS, 0)).outcome, 'granted');
      const failure = { attempts: 3, message: 'the “source” is down' };
      await b.abandon(key, second, failure, KEEP_MS);
      const answer = await a.acquire(key, newName('token'), LEASE_MS, 0);
      assert.ok(answer.outcome === 'failed' && answer.leftMs > 0 && answer.leftMs <= KEEP_MS);
      assert.deepEqual(answer.failure, failure);
      const third = await leased(a);
      await a.abandon(third.key, third.token, failure, BRIEF_MS);
      await rig.until('it may be tried again', async () => {
        return (await b.acquire(third.key, newName('token'), LEASE_MS, 0)).outcome === 'granted';
      });
    },
  },
  ...Object.entries(OVERTAKING).map(([name, change]) => ({
    title: `${name}: ends the lease, whether there was a value or not, and forgets a failure`,
    run: async (rig: KvStoreRig) => {
      const [a, b] = await Promise.all([rig.connect(), rig.connect()]);
      for (const before of [undefined, 'before']) {
        const key = newName('overtaken');
        if (before) await putText(a, key, before);
        const { token } = await leased(a, key);
        await change(b, key);
        const after = textOf(await a.get(key));
        assert.equal(await commitText(a, key, token, 'too late'), false);
        assert.equal(await a.renew(key, token, LEASE_MS), false);
        assert.equal(textOf(await a.get(key)), after);
        const again = await leased(a, key);
        await a.abandon(key, again.token, { attempts: 1, message: 'down' }, KEEP_MS);
        if (name === 'removeMatching') continue;
        await change(b, key);
        assert.equal((await a.acquire(key, newName('token'), LEASE_MS, Infinity)).outcome, 'granted');
      }
    },
  })),
  {
    title: 'a change that was refused does not end the lease',
    run: async (rig) => {
      const store = await rig.connect();
      const key = newName('refused');
      await putText(store, key, 'young', 100);
      const { token } = await leased(store, key);
      await store.put([{ key, value: valueOf('old', 50), keepMs: KEEP_MS }], { ifNewer: true });
      assert.equal(await store.remove([key], { beforeMs: 50 }), 0);
      assert.equal(await commitText(store, key, token, 'filled'), true);
    },
  },
  {
    title: 'versions: made up once, the same for everyone, in order',
    run: async (rig) => {
      const [a, b] = await Promise.all([rig.connect(), rig.connect()]);
      const tags = Array.from({ length: 20 }, () => newName('tag{x}'));
      const [first, second] = await Promise.all([a.versions(tags), b.versions(tags.toReversed())]);
      assert.deepEqual(bare(first), bare(second.toReversed()));
      assert.equal(new Set(first.map((version) => version.hard)).size, tags.length);
      assert.deepEqual(bare(await b.versions(tags)), bare(first));
      assert.deepEqual(await a.versions([]), []);
    },
  },
  {
    title: 'bump: changes both versions, a soft one the soft version only, each to one never seen',
    run: async (rig) => {
      const [a, b] = await Promise.all([rig.connect(), rig.connect()]);
      const [tag, other] = [newName('tag'), newName('tag')];
      const [before, untouched] = await a.versions([tag, other]);
      const [soft] = await b.bump([tag], true);
      assert.equal(soft!.hard, before!.hard);
      assert.notEqual(soft!.soft, before!.soft);
      const [hard] = await a.bump([tag], false);
      assert.ok(![before!.hard, before!.soft, soft!.soft].includes(hard!.hard));
      assert.ok(![before!.soft, soft!.soft].includes(hard!.soft));
      assert.deepEqual(bare(await b.versions([tag, other])), bare([hard!, untouched!]));
      const fresh = newName('tag');
      assert.deepEqual(bare(await a.bump([fresh], true)), bare(await b.versions([fresh])));
    },
  },
  {
    title: 'ping: resolves',
    run: async (rig) => (await rig.connect()).ping(),
  },
  ...Object.entries(CHANGES).map(([name, change]) => ({
    title: `watch: tells of ${name} by another process`,
    run: async (rig: KvStoreRig) => {
      const { changer, heard } = await watched(rig);
      const prefix = newName('watched{x}%');
      for (const awkward of AWKWARD_KEYS) {
        const key = prefix + awkward;
        await putText(changer, key, 'before');
        await rig.until('it was told of the put', () => heard.has(`value:${key}`));
        heard.all.length = 0;
        const told = await change(changer, name === 'removeMatching' ? prefix + 'plain' : key);
        await rig.until(`it was told ${told}`, () => heard.has(told));
      }
    },
  })),
  {
    title: 'watch: what was acknowledged before the proven moment has been told',
    run: async (rig) => {
      const { changer, heard, watch } = await watched(rig);
      for (let round = 0; round < 10; round++) {
        const key = newName('proven');
        await changer.remove([key]);
        const acknowledgedMs = rig.clock.monotonic();
        let hadToldWhenProven: boolean | undefined;
        await rig.until('the moment is proven', () => {
          // Looked at in this order: what is told in between does not count.
          const told = heard.has(`value:${key}`);
          if (watch.provenMs > acknowledgedMs) hadToldWhenProven ??= told;
          return hadToldWhenProven !== undefined;
        });
        assert.equal(hadToldWhenProven, true);
      }
      assert.ok(watch.provenMs <= rig.clock.monotonic());
    },
  },
  {
    title: 'watch: tells nothing once it is closed, and no gap while all is well',
    run: async (rig) => {
      const { changer, heard, watch, watcher } = await watched(rig);
      await watch.close();
      const after = new Heard();
      const next = watcher.watch(after, 400);
      await rig.until('the next watch has proven something', () => next.provenMs > -Infinity);
      after.gaps = 0;
      const key = newName('unheard');
      await changer.remove([key]);
      await rig.until('the next watch was told', () => after.has(`value:${key}`));
      assert.equal(heard.has(`value:${key}`), false);
      assert.equal(heard.gaps + after.gaps, 0);
      await next.close();
    },
  },
];
