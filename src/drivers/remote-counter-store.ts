import { messageOf, SpillwayError } from '../kernel/index.ts';
import type { CounterStore, CountGroup, PermitAnswer, RefundEntry, TakeAnswer, TakeRequest } from '../ports/index.ts';

/** What this needs of the way from a worker to its primary; a cluster's worker fulfils it. */
export interface CounterLine {
  ask(kind: string, payload: unknown, withinMs: number): Promise<unknown>;
}

/** What this needs of the way from the primary to its workers; a cluster's primary fulfils it. */
export interface CounterLines {
  answer(kind: string, fn: (payload: unknown, workerId: number) => unknown): void;
}

type Method = Exclude<keyof CounterStore, 'instances' | 'close'>;

interface Call {
  readonly method: Method;
  readonly args: readonly unknown[];
}

/** What became of one call: its value, or why there is none. */
type Outcome = { readonly value: unknown } | { readonly failed: string };

interface Answer {
  readonly outcomes: readonly Outcome[];
  readonly instances: number;
}

interface Waiting {
  readonly call: Call;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

const CALLS = 'counters.calls';
const ANSWER_MS = 2000;
const MAX_UNDER_WAY = 2;
const MAX_WAITING = 10_000;
const MAX_TOGETHER = 200;

/**
 * Counts that live in the primary, for the limiters of its workers: a limit holds for the machine, with nothing
 * installed, and a worker that is replaced leaves its counts to its successor.
 */
export function remoteCounterStore(line: CounterLine): CounterStore {
  return new RemoteCounterStore(line);
}

/** Serves `connect()`'s counts to workers, a client each. Returns what to call when a worker is gone: its permits end. */
export function serveCounterStore(connect: () => CounterStore, lines: CounterLines): (workerId: number) => void {
  const clients = new Map<number, CounterStore>();
  lines.answer(CALLS, async (payload, workerId): Promise<Answer> => {
    let client = clients.get(workerId);
    if (!client) clients.set(workerId, (client = connect()));
    const calls = payload as readonly Call[];
    const outcomes = await Promise.all(calls.map((call) => perform(client, call)));
    return { outcomes, instances: client.instances };
  });
  return (workerId) => {
    void clients.get(workerId)?.close();
    clients.delete(workerId);
  };
}

async function perform(client: CounterStore, { method, args }: Call): Promise<Outcome> {
  try {
    return { value: await (client[method] as (...given: unknown[]) => Promise<unknown>).apply(client, [...args]) };
  } catch (error) {
    return { failed: messageOf(error) };
  }
}

/** Calls are sent at once while few are under way; under load those that gather meanwhile travel together. */
class RemoteCounterStore implements CounterStore {
  instances = 1;
  readonly #line: CounterLine;
  #waiting: Waiting[] = [];
  #underWay = 0;
  #closed = false;

  constructor(line: CounterLine) {
    this.#line = line;
    // How many workers there are comes with every answer; leases want to know it before the first.
    this.ping().catch(() => {});
  }

  take(request: TakeRequest): Promise<TakeAnswer> {
    return this.#call('take', { ...request, groups: request.groups.map(bare) });
  }

  refund(entries: readonly RefundEntry[]): Promise<void> {
    return this.#call(
      'refund',
      entries.map(({ group, receipts, cost }) => ({ group: bare(group), receipts, cost })),
    );
  }

  reset(keys: readonly string[]): Promise<void> {
    return this.#call('reset', keys);
  }

  acquirePermit(key: string, holder: string, limit: number, leaseMs: number): Promise<PermitAnswer> {
    return this.#call('acquirePermit', key, holder, limit, leaseMs);
  }

  renewPermit(key: string, holder: string, leaseMs: number): Promise<boolean> {
    return this.#call('renewPermit', key, holder, leaseMs);
  }

  releasePermit(key: string, holder: string): Promise<void> {
    return this.#call('releasePermit', key, holder);
  }

  ping(): Promise<void> {
    return this.#call('ping');
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { reject } of this.#waiting.splice(0)) reject(unavailable('it was closed'));
  }

  #call<Result>(method: Method, ...args: readonly unknown[]): Promise<Result> {
    if (this.#closed) return Promise.reject(unavailable('it was closed'));
    if (this.#waiting.length >= MAX_WAITING) return Promise.reject(unavailable('too many calls wait for it'));
    return new Promise<unknown>((resolve, reject) => {
      this.#waiting.push({ call: { method, args }, resolve, reject });
      this.#send();
    }) as Promise<Result>;
  }

  #send(): void {
    if (this.#underWay >= MAX_UNDER_WAY || this.#waiting.length === 0) return;
    const together = this.#waiting.splice(0, MAX_TOGETHER);
    this.#underWay++;
    void this.#ask(together).finally(() => {
      this.#underWay--;
      this.#send();
    });
  }

  async #ask(together: readonly Waiting[]): Promise<void> {
    const calls = together.map(({ call }) => call);
    try {
      const { outcomes, instances } = (await this.#line.ask(CALLS, calls, ANSWER_MS)) as Answer;
      this.instances = instances;
      for (const [i, { resolve, reject }] of together.entries()) {
        const outcome = outcomes[i]!;
        if ('failed' in outcome) reject(unavailable(outcome.failed));
        else resolve(outcome.value);
      }
    } catch (cause) {
      for (const { reject } of together) reject(unavailable(messageOf(cause), cause));
    }
  }
}

/** A group as the store needs it, without what its owner keeps beside: functions cannot travel. */
function bare({ key, limits }: CountGroup): CountGroup {
  return { key, limits };
}

function unavailable(why: string, cause?: unknown): SpillwayError {
  return new SpillwayError('SPILLWAY_COUNTER_STORE_FAILED', `The primary's counts did not answer: ${why}`, { cause });
}
