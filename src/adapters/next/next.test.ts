import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCache, type Cache } from '../../cache/index.ts';
import { MemoryKvStore } from '../../drivers/memory-kv-store.ts';
import { SimulatedClock } from '../../kernel/index.ts';
import {
  createNextCacheHandler,
  createNextUseCacheHandler,
  type CachedValue,
  type GetContext,
  type HandlerValue,
  type NextCacheHandlerClass,
  type NextUseCacheHandler,
  type UseCacheEntry,
} from './index.ts';

const PAGE: GetContext = { kind: 'APP_PAGE' };
const page = (html: string, tags = 'posts'): CachedValue & { html: string } => ({
  kind: 'APP_PAGE',
  html,
  headers: { 'x-next-cache-tags': tags },
});
const minute = { cacheControl: { revalidate: 60, expire: 3600 } };

/** Two instances of an application on one store. */
function fleet(): { clock: SimulatedClock; caches: Cache[]; instances: NextCacheHandlerClass[] } {
  const clock = new SimulatedClock();
  const server = new MemoryKvStore({}, { clock });
  const caches = [1, 2].map(() => createCache({ store: server.connect() }, { clock }));
  return { clock, caches, instances: caches.map((cache) => createNextCacheHandler({ cache, buildId: 'b' }, { clock })) };
}

/** As Next's IncrementalCache does: by the age, and the lifetime that came with the value. */
function isOverdue(found: HandlerValue | null, clock: SimulatedClock, revalidate = found?.cacheControl?.revalidate): boolean {
  assert.ok(found);
  return typeof revalidate === 'number' && revalidate * 1000 + found.lastModified < clock.now();
}

const html = (found: HandlerValue | null): string | undefined => (found?.value as { html?: string } | null)?.html;

test('a page that nobody has is made by one instance, and the other waits for it', async () => {
  const { instances } = fleet();
  const [a, b] = instances.map((Handler) => new Handler({}));
  assert.equal(await a!.get('/p', PAGE), null);
  const waiting = b!.get('/p', PAGE);
  await a!.set('/p', page('one'), minute);
  assert.equal(html(await waiting), 'one');
});

test('who waits in vain makes the page itself', async () => {
  const { clock, instances } = fleet();
  const [a, b] = instances.map((Handler) => new Handler({}));
  await a!.get('/p', PAGE);
  const waiting = b!.get('/p', PAGE);
  await clock.advance(5000);
  assert.equal(await waiting, null);
});

test('an overdue page is overdue for one instance only, until the new one is there', async () => {
  const { clock, instances } = fleet();
  const [a, b] = instances.map((Handler) => new Handler({}));
  await a!.get('/p', PAGE);
  await a!.set('/p', page('one'), minute);
  assert.equal((await b!.get('/p', PAGE))!.cacheControl!.revalidate, 60);
  await clock.advance(59_000);
  assert.equal((await b!.get('/p', PAGE))!.cacheControl!.revalidate, 1, 'caches downstream get what is left');
  assert.equal(isOverdue(await b!.get('/p', PAGE), clock), false);
  await clock.advance(2000);
  assert.equal(isOverdue(await b!.get('/p', PAGE), clock), true);
  for (const Handler of instances) assert.equal(isOverdue(await new Handler({}).get('/p', PAGE), clock), false);
  await b!.set('/p', page('two'), minute);
  assert.equal(html(await a!.get('/p', PAGE)), 'two');
});

test('a render that comes to nothing gives the right to the next, after a pause', async () => {
  const { clock, instances } = fleet();
  const [a, b] = instances.map((Handler) => new Handler({}));
  await a!.get('/p', PAGE);
  await clock.advance(30_000);
  assert.equal(await b!.get('/p', PAGE), null, 'it rests, and nobody waits');
  await clock.advance(1000);
  await b!.get('/p', PAGE);
  await b!.set('/p', page('one'), minute);
  assert.equal(html(await a!.get('/p', PAGE)), 'one');
});

test('what was rendered before a tag was revalidated is not stored after', async () => {
  const { instances } = fleet();
  const [a, b] = instances.map((Handler) => new Handler({}));
  await a!.get('/p', PAGE);
  await b!.revalidateTag('posts');
  await a!.set('/p', page('old'), minute);
  assert.equal(await b!.get('/p', PAGE), null);
});

test('a tag revalidated softly makes pages overdue, and of no use when its time is up', async () => {
  const { clock, instances } = fleet();
  const [a, b] = instances.map((Handler) => new Handler({}));
  await a!.get('/p', PAGE);
  await a!.set('/p', page('one'), minute);
  await clock.advance(1);
  await b!.revalidateTag(['posts'], { expire: 10 });
  assert.equal(isOverdue(await a!.get('/p', PAGE), clock), true);
  assert.equal(isOverdue(await b!.get('/p', PAGE), clock), false, 'the other makes it');
  await a!.set('/p', page('two'), minute);
  await clock.advance(11_000);
  assert.equal(html(await b!.get('/p', PAGE)), 'two', 'what was made since is not meant');
  await b!.revalidateTag('posts', { expire: 10 });
  await clock.advance(10_000);
  assert.equal(await b!.get('/p', PAGE), null);
});

test('a page of another build is not served', async () => {
  const { clock, caches, instances } = fleet();
  const a = new instances[0]!({});
  await a.set('/p', page('one'), minute);
  const Other = createNextCacheHandler({ cache: caches[1]!, buildId: 'c' }, { clock });
  assert.equal(await new Other({}).get('/p', PAGE), null);
});

test('a prefetch claims nothing, for Next makes nothing anew for it', async () => {
  const { clock, instances } = fleet();
  const [a, b] = instances.map((Handler) => new Handler({}));
  await a!.set('/p', page('one'), minute);
  await clock.advance(61_000);
  const prefetch = new instances[0]!({ _requestHeaders: { 'next-router-prefetch': '1' } });
  assert.equal(isOverdue(await prefetch.get('/p', PAGE), clock), false);
  assert.equal(isOverdue(await b!.get('/p', PAGE), clock), true);
});

test('a navigation that finds no page does not keep others from making it', async () => {
  const { instances } = fleet();
  const navigation = new instances[0]!({ _requestHeaders: { rsc: '1' } });
  assert.equal(await navigation.get('/p', { ...PAGE, isRoutePPREnabled: true }), null);
  const [a, b] = instances.map((Handler) => new Handler({}));
  assert.equal(await b!.get('/p', PAGE), null);
  await b!.set('/p', page('one'), minute);
  assert.equal(html(await a!.get('/p', PAGE)), 'one');
});

test('a page that turned dynamic is kept no longer', async () => {
  const { clock, instances } = fleet();
  const [a, b] = instances.map((Handler) => new Handler({}));
  await a!.set('/p', page('one'), minute);
  await clock.advance(61_000);
  await a!.get('/p', PAGE);
  await a!.set('/p', page('two'), { cacheControl: { revalidate: 0, expire: undefined } });
  assert.equal(await b!.get('/p', PAGE), null);
});

const DATA: GetContext = { kind: 'FETCH', tags: ['plans'], softTags: ['_N_T_/p'] };
const data = (body: string): CachedValue & { body: string } => ({ kind: 'FETCH', body, revalidate: 60 });
const asData = { fetchCache: true, tags: ['plans'] };

test('data: overdue by its time for one, by its tag for all, and gone with the path it is read for', async () => {
  const { clock, instances } = fleet();
  const [a, b] = instances.map((Handler) => new Handler({}));
  assert.equal(await a!.get('d', DATA), null);
  assert.equal(await b!.get('d', DATA), null, 'an answer that is not stored must not be waited for');
  await a!.set('d', data('one'), asData);
  await clock.advance(61_000);
  assert.equal(isOverdue(await a!.get('d', DATA), clock, 60), true);
  assert.equal(isOverdue(await b!.get('d', DATA), clock, 60), false);
  await a!.set('d', data('two'), asData);
  await clock.advance(1);
  await b!.revalidateTag('plans', { expire: 3600 });
  assert.equal(isOverdue(await a!.get('d', DATA), clock, 60), true);
  assert.equal(isOverdue(await b!.get('d', DATA), clock, 60), true, 'old data must not get into a new page');
  await a!.set('d', data('three'), asData);
  assert.equal(isOverdue(await b!.get('d', DATA), clock, 60), false);
  assert.equal(isOverdue(await b!.get('d', { ...DATA, revalidate: 10 }), clock, 10), false);
  await clock.advance(11_000);
  assert.equal(isOverdue(await b!.get('d', { ...DATA, revalidate: 10 }), clock, 10), true, 'each reader has its own patience');
  await a!.revalidateTag('_N_T_/p');
  assert.equal(await b!.get('d', DATA), null);
});

function result(clock: SimulatedClock, text: string, ageMs = 0): Promise<UseCacheEntry> {
  const value = new Response(text).body!;
  return Promise.resolve({ value, tags: ['plans'], stale: 30, timestamp: clock.now() - ageMs, expire: 3600, revalidate: 60 });
}

function functions(): { clock: SimulatedClock; a: NextUseCacheHandler; b: NextUseCacheHandler } {
  const { clock, caches } = fleet();
  const [a, b] = caches.map((cache) => createNextUseCacheHandler({ cache }, { clock }));
  return { clock, a: a!, b: b! };
}

const text = async (entry: UseCacheEntry | undefined): Promise<string | undefined> =>
  entry && (await new Response(entry.value).text());
const isDue = (entry: UseCacheEntry | undefined, clock: SimulatedClock): boolean =>
  entry!.timestamp + entry!.revalidate * 1000 < clock.now();

test('`use cache`: computed once, overdue for one, and served whole as often as it is asked for', async () => {
  const { clock, a, b } = functions();
  assert.equal(await a.get('f', []), undefined);
  const waiting = b.get('f', []);
  await a.set('f', result(clock, 'one'));
  assert.equal(await text(await waiting), 'one');
  assert.equal(await text(await b.get('f', [])), 'one');
  await clock.advance(60_000);
  assert.equal(isDue(await b.get('f', []), new SimulatedClock(clock.now() + 1)), true);
  assert.equal(isDue(await a.get('f', []), clock), false);
  await b.set('f', result(clock, 'two'));
  assert.equal(await text(await a.get('f', [])), 'two');
});

test('`use cache`: a reader waits for a result that is being written', async () => {
  const { clock, a } = functions();
  const pending = Promise.withResolvers<UseCacheEntry>();
  const written = a.set('f', pending.promise);
  const read = a.get('f', []);
  pending.resolve(await result(clock, 'one'));
  assert.equal(await text(await read), 'one');
  await written;
});

test('`use cache`: tags and paths reach the other instance; softly they serve once more', async () => {
  const { clock, a, b } = functions();
  await a.set('f', result(clock, 'one'));
  await clock.advance(1);
  await b.updateTags(['plans'], { expire: 3600 });
  const stale = await a.get('f', []);
  assert.deepEqual([await text(stale), stale!.revalidate], ['one', -1]);
  await clock.advance(1);
  await a.set('f', result(clock, 'two'));
  assert.equal(await text(await b.get('f', ['_N_T_/p'])), 'two');
  await clock.advance(1);
  await a.updateTags(['_N_T_/p']);
  assert.equal(await text(await b.get('f', ['_N_T_/q'])), 'two');
  assert.equal(await b.get('f', ['_N_T_/p']), undefined);
});

test('`use cache`: what was computed before an invalidation is not stored after, nor what has failed, nor what is dynamic', async () => {
  const { clock, a, b } = functions();
  await a.get('f', []);
  await clock.advance(10);
  await b.updateTags(['plans']);
  await a.set('f', result(clock, 'old', 5));
  assert.equal(await b.get('f', []), undefined);
  await clock.advance(1);
  const broken = new ReadableStream<Uint8Array>({ start: (controller) => controller.error(new Error('broken')) });
  await b.set('f', Promise.resolve({ ...(await result(clock, '')), value: broken }));
  assert.equal(await a.get('f', []), undefined);
  await clock.advance(1000);
  await a.set('f', Promise.resolve({ ...(await result(clock, 'dynamic')), expire: 0 }));
  assert.equal(await b.get('f', []), undefined);
});

test('wrong options are refused with their names', () => {
  assert.throws(() => createNextCacheHandler({ wait: 'soon' }), /wait/);
  assert.throws(() => createNextUseCacheHandler({ ttll: '5m' } as never), /ttll/);
});
