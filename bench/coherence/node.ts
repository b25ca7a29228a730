/** One process of the fleet: does what its parent says, and asks it for every load. */
import { performance } from 'node:perf_hooks';
import { CONTENDERS } from './contenders.ts';
import type { Command, FromNode, Reply } from './protocol.ts';

const [, , name, url] = process.argv as [string, string, string, string];
const cache = await CONTENDERS[name]!(url);
const waiting = new Map<number, (value: number | Error) => void>();
let ids = 0;

/** The same clock in every process of the machine. */
const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;
const tell = (message: FromNode): void => void process.send!(message);

function load(key: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const id = ++ids;
    waiting.set(id, (value) => (value instanceof Error ? reject(value) : resolve(value)));
    tell({ kind: 'load', id, key });
  });
}

async function run(command: Command): Promise<Partial<Reply>> {
  const { key = '', ttlMs = 60_000, tag, limitMs = 5000 } = command;
  const get = (): Promise<number> => cache.getOrSet(key, () => load(key), ttlMs, tag);
  switch (command.op) {
    case 'get':
      return { value: await within(limitMs, get()) };
    case 'burst': {
      const started = performance.now();
      const times: number[] = [];
      await Promise.all(Array.from({ length: command.count! }, () => get().then(() => times.push(performance.now() - started))));
      return { times: times.toSorted((a, b) => a - b) };
    }
    case 'busy': {
      const until = performance.now() + command.forMs!;
      while (performance.now() < until) {
        await get();
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      return {};
    }
    case 'delete':
      await cache.delete(key);
      return { atMs: nowMs() };
    case 'invalidateTag':
      await cache.invalidateTag!(tag!);
      return {};
    case 'deletePattern':
      await cache.deletePattern!(key);
      return {};
    case 'awaitChange': {
      const startedMs = nowMs();
      for (;;) {
        const atMs = nowMs();
        if ((await get()) !== command.value) return { atMs };
        if (atMs - startedMs > limitMs) return {};
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  }
}

async function within(limitMs: number, work: Promise<number>): Promise<number> {
  let timer: NodeJS.Timeout;
  const late = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(new Error('hangs')), limitMs)));
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

process.on('message', (message: Command | { kind: 'loaded'; id: number; value?: number; error?: string }) => {
  if ('kind' in message) {
    waiting.get(message.id)?.(message.error ? new Error(message.error) : message.value!);
    waiting.delete(message.id);
    return;
  }
  const started = performance.now();
  run(message).then(
    (reply) => tell({ kind: 'reply', id: message.id, tookMs: performance.now() - started, ...reply }),
    (error: Error) => tell({ kind: 'reply', id: message.id, tookMs: performance.now() - started, error: error.message }),
  );
});
process.on('unhandledRejection', (error) => tell({ kind: 'unhandled', error: String(error) }));
process.on('disconnect', () => process.exit());
tell({ kind: 'ready', tags: cache.invalidateTag !== undefined, patterns: cache.deletePattern !== undefined });
