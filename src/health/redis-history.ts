import { packValues, unpackValues } from './history-codec.ts';
import type { HistoryQuery, HistoryStore, KeptHistory, MachineHistory } from './history-store.ts';
import { TIERS, type HistoryRow } from './history.ts';
import type { HourCount } from './slo-book.ts';
import type { Change } from './timeline.ts';

export interface RedisHistoryOptions {
  /** Sends one command and resolves with its reply, as node-redis's `sendCommand` does. */
  readonly send: (command: readonly string[]) => Promise<unknown>;
  /** Which gateway's history it is: one name per machine, the same after its restart. */
  readonly node: string;
  /** Put before every key. Default `spillway:`. */
  readonly prefix?: string;
}

const KEPT_CHANGES = 500;
const HOUR_MS = 3_600_000;
const KEPT_HOURS = 90 * 24;
const FIELDS_AT_ONCE = 500;
/** What a machine that is gone has kept goes a day after the last of it is out of reach. */
const EXPIRE_SECONDS = 8 * 24 * 3600;
const MAX_MACHINES = 64;

/**
 * History in Redis, where every machine of the fleet can read it. Each resolution is a hash whose fields are the places of
 * a ring, so that it never grows past its tier: some 10 MB a machine. All keys of a machine share a hash tag and lie on one
 * node of a cluster.
 */
export function createRedisHistory(options: RedisHistoryOptions): HistoryStore {
  return new RedisHistory(options);
}

class RedisHistory implements HistoryStore {
  readonly #send: RedisHistoryOptions['send'];
  readonly #node: string;
  readonly #prefix: string;
  readonly #ids = new Map<string, number>();
  #expiryMs = -Infinity;

  constructor({ send, node, prefix = 'spillway:' }: RedisHistoryOptions) {
    this.#send = send;
    this.#node = node;
    this.#prefix = prefix;
  }

  async load(nowMs: number): Promise<KeptHistory> {
    for (const [name, id] of pairs(await this.#send(['HGETALL', this.#key('signals')]))) this.#ids.set(name, Number(id));
    const names = new Map(Array.from(this.#ids, ([name, id]) => [id, name]));
    const rows: HistoryRow[] = [];
    for (const { stepMs, points } of TIERS) {
      const places = Array.from({ length: points }, (_, at) => at);
      for (const row of await this.#rowsAt(this.#node, stepMs, places, names))
        if (row.atMs > nowMs - stepMs * points && row.atMs <= nowMs) rows.push(row);
    }
    const changes = (await this.#send(['LRANGE', this.#key('changes'), '0', '-1'])) as string[];
    return {
      rows: rows.toSorted((a, b) => a.stepMs - b.stepMs || a.atMs - b.atMs),
      changes: changes.map((change) => JSON.parse(String(change)) as Change).toReversed(),
      hours: await this.#loadHours(nowMs),
    };
  }

  async save({ rows, changes, hours }: KeptHistory, nowMs: number): Promise<void> {
    await this.#learn(new Set(rows.flatMap(({ values }) => [...values.keys()])));
    for (const { stepMs, points } of TIERS) {
      const fields = rows
        .filter((row) => row.stepMs === stepMs)
        .flatMap(({ atMs, values }) => [
          String((atMs / stepMs) % points),
          `${atMs}:${Buffer.from(packValues(values, (name) => this.#ids.get(name)!)).toString('base64')}`,
        ]);
      if (fields.length > 0) await this.#send(['HSET', this.#key(String(stepMs)), ...fields]);
    }
    if (changes.length > 0) {
      await this.#send(['LPUSH', this.#key('changes'), ...changes.map((change) => JSON.stringify(change))]);
      await this.#send(['LTRIM', this.#key('changes'), '0', String(KEPT_CHANGES - 1)]);
    }
    const counts = hours.flatMap(({ objective, hour, bad, total }) => [`${hour} ${objective}`, `${bad} ${total}`]);
    if (counts.length > 0) await this.#send(['HSET', this.#key('slo'), ...counts]);
    await this.#sayHere(nowMs);
  }

  async others({ signals, stepMs, fromMs, toMs }: HistoryQuery): Promise<readonly MachineHistory[]> {
    const wanted = new Set(signals);
    const { points } = TIERS.find((tier) => tier.stepMs === stepMs)!;
    const first = Math.floor(fromMs / stepMs);
    const count = Math.min(points, Math.floor(toMs / stepMs) - first + 1);
    const places = Array.from({ length: count }, (_, at) => (first + at) % points);
    const nodes = pairs(await this.#send(['HGETALL', this.#nodesKey]))
      .filter(([node, seenMs]) => node !== this.#node && Number(seenMs) >= fromMs)
      .toSorted(([, a], [, b]) => Number(b) - Number(a))
      .slice(0, MAX_MACHINES);
    return Promise.all(
      nodes.map(async ([node]) => {
        const ids = pairs(await this.#send(['HGETALL', this.#key('signals', node)])).filter(([name]) => wanted.has(name));
        const names = new Map(ids.map(([name, id]) => [Number(id), name]));
        const rows = await this.#rowsAt(node, stepMs, places, names);
        return { node, rows: rows.filter(({ atMs }) => atMs >= first * stepMs && atMs <= toMs) };
      }),
    );
  }

  close(): void {
    // The connection belongs to whoever handed in `send`.
  }

  /** Rows at these places of a machine's ring; what was written there in an earlier round is among them. */
  async #rowsAt(node: string, stepMs: number, places: readonly number[], names: ReadonlyMap<number, string>) {
    const rows: HistoryRow[] = [];
    for (let first = 0; first < places.length; first += FIELDS_AT_ONCE) {
      const fields = places.slice(first, first + FIELDS_AT_ONCE).map(String);
      const values = (await this.#send(['HMGET', this.#key(String(stepMs), node), ...fields])) as (string | null)[];
      for (const value of values) if (value !== null) rows.push(rowOf(String(value), stepMs, names));
    }
    return rows;
  }

  /** Once an hour the keys are given a life; each save says that this machine is there. */
  async #sayHere(nowMs: number): Promise<void> {
    await this.#send(['HSET', this.#nodesKey, this.#node, String(nowMs)]);
    if (nowMs - this.#expiryMs < HOUR_MS) return;
    this.#expiryMs = nowMs;
    for (const what of ['signals', 'changes', 'slo', ...TIERS.map(({ stepMs }) => String(stepMs))])
      await this.#send(['EXPIRE', this.#key(what), String(what === 'slo' ? KEPT_HOURS * 3600 : EXPIRE_SECONDS)]);
    const seen = pairs(await this.#send(['HGETALL', this.#nodesKey]));
    const gone = seen.filter(([, seenMs]) => nowMs - Number(seenMs) > EXPIRE_SECONDS * 1000).map(([node]) => node);
    if (gone.length > 0) await this.#send(['HDEL', this.#nodesKey, ...gone]);
  }

  async #loadHours(nowMs: number): Promise<HourCount[]> {
    const oldest = Math.floor(nowMs / HOUR_MS) - KEPT_HOURS;
    const hours = pairs(await this.#send(['HGETALL', this.#key('slo')])).map(([field, value]) => {
      const [hour, objective] = field.split(' ') as [string, string];
      const [bad, total] = value.split(' ') as [string, string];
      return { objective, hour: Number(hour), bad: Number(bad), total: Number(total) };
    });
    const old = hours.filter(({ hour }) => hour <= oldest).map(({ hour, objective }) => `${hour} ${objective}`);
    if (old.length > 0) await this.#send(['HDEL', this.#key('slo'), ...old]);
    return hours.filter(({ hour }) => hour > oldest);
  }

  /** Gives names that are new a number, the next one after those in use. */
  async #learn(names: ReadonlySet<string>): Promise<void> {
    const unknown = [...names].filter((name) => !this.#ids.has(name));
    if (unknown.length === 0) return;
    let next = Math.max(0, ...this.#ids.values());
    for (const name of unknown) this.#ids.set(name, ++next);
    await this.#send(['HSET', this.#key('signals'), ...unknown.flatMap((name) => [name, String(this.#ids.get(name)!)])]);
  }

  /** When each machine saved last. */
  get #nodesKey(): string {
    return `{${this.#prefix}history}:machines`;
  }

  #key(what: string, node = this.#node): string {
    return `{${this.#prefix}history:${node}}:${what}`;
  }
}

function rowOf(text: string, stepMs: number, names: ReadonlyMap<number, string>): HistoryRow {
  const colon = text.indexOf(':');
  return {
    stepMs,
    atMs: Number(text.slice(0, colon)),
    values: unpackValues(Buffer.from(text.slice(colon + 1), 'base64'), names),
  };
}

/** A hash's reply: a flat list by RESP2, an object or a map by RESP3. */
function pairs(reply: unknown): [string, string][] {
  if (reply instanceof Map) return Array.from(reply, ([name, value]) => [String(name), String(value)]);
  if (!Array.isArray(reply))
    return Object.entries((reply ?? {}) as Record<string, unknown>).map(([name, value]) => [name, String(value)]);
  const list: [string, string][] = [];
  for (let at = 0; at + 1 < reply.length; at += 2) list.push([String(reply[at]), String(reply[at + 1])]);
  return list;
}
