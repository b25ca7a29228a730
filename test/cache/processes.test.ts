/** One load per fleet, on eight real processes with one real Redis. */
import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { CacheOptions } from '../../src/cache/index.ts';
import { startRedis, type RedisServer } from '../servers/index.ts';
import type { FromProcess, ToProcess } from './cache-process.ts';

const PROCESSES = 8;
let redis: RedisServer;
let fleet: Fleet;

before(async () => (redis = await startRedis()));
after(() => redis.stop());
afterEach(() => fleet.stop());

/** Processes with a cache each; loads are answered, and counted, here. */
class Fleet {
  readonly #children: ChildProcess[] = [];
  readonly #load: (key: string, by: number) => Promise<string>;
  loads = 0;

  constructor(load: (key: string, by: number) => Promise<string>) {
    this.#load = load;
  }

  async start(options: CacheOptions): Promise<void> {
    // A generous timeout: on a starved machine Redis may be slow, and then each process rightly loads for itself.
    const settings = JSON.stringify({ redis: redis.url, storeTimeout: '10s', ...options });
    const started = Array.from({ length: PROCESSES }, (_, by) => this.#fork(settings, by));
    await Promise.all(started);
  }

  kill(at: number): void {
    this.#children[at]!.kill('SIGKILL');
  }

  stop(): void {
    for (const child of this.#children) child.kill('SIGKILL');
  }

  /** What each process was answered; undefined for those that died. */
  all(question: { kind: 'ask'; key: string; times: number } | { kind: 'askFor'; key: string; forMs: number }) {
    return Promise.all(this.#children.map((child) => answerOf(child, { ...question, id: 1 })));
  }

  #fork(settings: string, by: number): Promise<void> {
    const child = fork(join(import.meta.dirname, 'cache-process.ts'), [settings], {
      execArgv: ['--conditions=source'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#children[by] = child;
    return new Promise((resolve) => {
      child.on('message', (message: FromProcess) => {
        if (message.kind === 'ready') resolve();
        else if (message.kind === 'load') void this.#answerLoad(child, by, message.id, message.key);
      });
    });
  }

  async #answerLoad(child: ChildProcess, by: number, id: number, key: string): Promise<void> {
    this.loads++;
    const value = await this.#load(key, by);
    if (child.connected) child.send({ kind: 'loaded', id, value } satisfies ToProcess);
  }
}

function answerOf(child: ChildProcess, question: ToProcess): Promise<readonly string[] | undefined> {
  return new Promise((resolve, reject) => {
    child.once('exit', () => resolve(undefined));
    child.on('message', (message: FromProcess) => {
      if (message.kind !== 'answer') return;
      if (message.error) reject(new Error(message.error));
      else resolve(message.values);
    });
    child.send(question);
  });
}

test('8 × 1,000 cold requests: one load', async () => {
  // A load takes its time, as from a database: requests come while it runs.
  fleet = new Fleet(() => delay(50, 'value'));
  await fleet.start({ name: 'cold', lease: '30s' });
  const answers = await fleet.all({ kind: 'ask', key: 'k', times: 1000 });
  for (const values of answers) assert.deepEqual(values, Array(1000).fill('value'));
  assert.equal(fleet.loads, 1);
});

test('the process that loads is killed: another one loads, once', async () => {
  const holder = Promise.withResolvers<number>();
  fleet = new Fleet(async (_, by) => {
    holder.resolve(by);
    return by === (await holder.promise) ? new Promise<string>(() => {}) : 'value';
  });
  await fleet.start({ name: 'killed', lease: '3s' });
  const asked = fleet.all({ kind: 'ask', key: 'k', times: 100 });
  const killed = await holder.promise;
  fleet.kill(killed);
  const answers = await asked;
  assert.equal(answers[killed], undefined);
  for (const [at, values] of answers.entries()) if (at !== killed) assert.deepEqual(values, Array(100).fill('value'));
  assert.ok(fleet.loads <= 2, `${fleet.loads} loads`);
});

test('a TTL of 1 s for 10 s on 8 busy processes: at most 11 loads', async () => {
  // A load takes its time, as from a database: requests come while it runs.
  fleet = new Fleet(() => delay(20, 'value'));
  await fleet.start({ name: 'busy', ttl: '1s', lease: '30s' });
  await fleet.all({ kind: 'askFor', key: 'k', forMs: 10_000 });
  assert.ok(fleet.loads >= 2 && fleet.loads <= 11, `${fleet.loads} loads`);
});
