/** One process of a fleet: asks its cache as its parent says, and its parent for every load. */
import { createCache, type CacheOptions } from '../../src/cache/index.ts';

export type ToProcess =
  | { readonly kind: 'ask'; readonly id: number; readonly key: string; readonly times: number }
  | { readonly kind: 'askFor'; readonly id: number; readonly key: string; readonly forMs: number }
  | { readonly kind: 'loaded'; readonly id: number; readonly value: string };

export type FromProcess =
  | { readonly kind: 'ready' }
  | { readonly kind: 'load'; readonly id: number; readonly key: string }
  | { readonly kind: 'answer'; readonly id: number; readonly values: readonly string[]; readonly error?: string };

const cache = createCache<string>(JSON.parse(process.argv[2]!) as CacheOptions<string>);
const loads = new Map<number, (value: string) => void>();
const tell = (message: FromProcess): void => void process.send!(message);

function load(key: string): Promise<string> {
  const id = loads.size + 1;
  const { promise, resolve } = Promise.withResolvers<string>();
  loads.set(id, resolve);
  tell({ kind: 'load', id, key });
  return promise;
}

const ask = (key: string): Promise<string> => cache.getOrSet(key, () => load(key));

async function askFor(key: string, forMs: number): Promise<string[]> {
  const values = new Set<string>();
  for (const untilMs = performance.now() + forMs; performance.now() < untilMs;) {
    values.add(await ask(key));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return [...values];
}

process.on('message', (message: ToProcess) => {
  if (message.kind === 'loaded') return loads.get(message.id)!(message.value);
  const { id, key } = message;
  const answers =
    message.kind === 'ask' ? Promise.all(Array.from({ length: message.times }, () => ask(key))) : askFor(key, message.forMs);
  answers.then(
    (values) => tell({ kind: 'answer', id, values }),
    (error: Error) => tell({ kind: 'answer', id, values: [], error: error.message }),
  );
});
process.on('disconnect', () => process.exit());
await cache.ready();
tell({ kind: 'ready' });
