import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { packValues, unpackValues } from './history-codec.ts';
import { TIERS, type HistoryRow } from './history.ts';
import type { HourCount } from './slo-book.ts';
import type { Change } from './timeline.ts';

/** Everything worth keeping over a restart. */
export interface KeptHistory {
  readonly rows: readonly HistoryRow[];
  readonly changes: readonly Change[];
  readonly hours: readonly HourCount[];
}

/** Where history is kept. */
export interface HistoryStore {
  load(nowMs: number): KeptHistory | Promise<KeptHistory>;
  save(kept: KeptHistory, nowMs: number): void | Promise<void>;
  /** What the other machines of the fleet kept; absent where each machine keeps its own for itself. */
  others?(query: HistoryQuery): Promise<readonly MachineHistory[]>;
  close(): void | Promise<void>;
}

/** Some signals over a stretch of time, at one of the resolutions. */
export interface HistoryQuery {
  readonly signals: readonly string[];
  readonly stepMs: number;
  readonly fromMs: number;
  readonly toMs: number;
}

/** What one machine kept: of each row only the signals that were asked for. */
export interface MachineHistory {
  readonly node: string;
  readonly rows: readonly HistoryRow[];
}

const KEPT_CHANGES = 500;
const HOUR_MS = 3_600_000;
const KEPT_HOURS = 90 * 24;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS signal (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
  CREATE TABLE IF NOT EXISTS point (step INTEGER, at INTEGER, points BLOB NOT NULL, PRIMARY KEY (step, at)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS change (at INTEGER, id INTEGER, change TEXT NOT NULL, PRIMARY KEY (at, id)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS slo_hour (objective TEXT, hour INTEGER, bad REAL, total REAL, PRIMARY KEY (objective, hour)) WITHOUT ROWID;
`;

/**
 * History in one SQLite file: a row per step and moment, its signals as pairs of number and 32-bit float. Some 10 kB a
 * minute; what is older than its tier is deleted as new rows come.
 */
export class SqliteHistory implements HistoryStore {
  readonly #file: string;
  readonly #ids = new Map<string, number>();
  #open: OpenHistory | undefined;

  /** @param file path; its folder is made when it is missing. `:memory:` keeps nothing. Opened at the first `load`. */
  constructor(file: string) {
    this.#file = file;
  }

  /** @throws when the file cannot be opened, or another process holds it for longer than a second. */
  load(nowMs: number): KeptHistory {
    const { database } = (this.#open ??= openHistory(this.#file));
    for (const { id, name } of database.prepare('SELECT id, name FROM signal').all() as { id: number; name: string }[])
      this.#ids.set(name, id);
    const names = new Map(Array.from(this.#ids, ([name, id]) => [id, name]));
    const rows = TIERS.flatMap(({ stepMs, points }) => {
      const stored = database
        .prepare('SELECT at, points FROM point WHERE step = ? AND at > ? AND at <= ? ORDER BY at')
        .all(stepMs, nowMs - stepMs * points, nowMs) as { at: number; points: Uint8Array }[];
      return stored.map((row): HistoryRow => ({ stepMs, atMs: row.at, values: unpackValues(row.points, names) }));
    });
    const changes = database.prepare('SELECT change FROM change ORDER BY at DESC, id DESC LIMIT ?').all(KEPT_CHANGES) as {
      change: string;
    }[];
    const hours = database
      .prepare('SELECT objective, hour, bad, total FROM slo_hour WHERE hour > ?')
      .all(Math.floor(nowMs / HOUR_MS) - KEPT_HOURS) as unknown as HourCount[];
    return { rows, changes: changes.toReversed().map(({ change }) => JSON.parse(change) as Change), hours };
  }

  save({ rows, changes, hours }: KeptHistory, nowMs: number): void {
    if (!this.#open) return;
    const { database, putPoint, putChange, putHour } = this.#open;
    database.exec('BEGIN');
    try {
      for (const { stepMs, atMs, values } of rows)
        putPoint.run(
          stepMs,
          atMs,
          packValues(values, (name) => this.#idOf(name)),
        );
      for (const change of changes) putChange.run(change.atMs, change.id, JSON.stringify(change));
      for (const { objective, hour, bad, total } of hours) putHour.run(objective, hour, bad, total);
      deleteOld(database, nowMs);
      database.exec('COMMIT');
    } catch (error) {
      database.exec('ROLLBACK');
      throw error;
    }
  }

  close(): void {
    this.#open?.database.close();
    this.#open = undefined;
  }

  #idOf(name: string): number {
    let id = this.#ids.get(name);
    if (id === undefined) this.#ids.set(name, (id = (this.#open!.putSignal.get(name) as { id: number }).id));
    return id;
  }
}

interface OpenHistory {
  readonly database: DatabaseSync;
  readonly putPoint: StatementSync;
  readonly putSignal: StatementSync;
  readonly putChange: StatementSync;
  readonly putHour: StatementSync;
}

function openHistory(file: string): OpenHistory {
  if (file !== ':memory:') mkdirSync(dirname(file), { recursive: true });
  // Loaded here and not above, because Node warns of its SQLite as soon as it is loaded, used or not.
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
  const database = new DatabaseSync(file);
  // A crash may lose the last seconds of history, never the file: what is lost is worth less than a sync each second.
  database.exec(`PRAGMA busy_timeout = 1000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; ${SCHEMA}`);
  return {
    database,
    putPoint: database.prepare('INSERT OR REPLACE INTO point (step, at, points) VALUES (?, ?, ?)'),
    putSignal: database.prepare('INSERT INTO signal (name) VALUES (?) RETURNING id'),
    putChange: database.prepare('INSERT OR IGNORE INTO change (at, id, change) VALUES (?, ?, ?)'),
    putHour: database.prepare('INSERT OR REPLACE INTO slo_hour (objective, hour, bad, total) VALUES (?, ?, ?, ?)'),
  };
}

function deleteOld(database: DatabaseSync, nowMs: number): void {
  for (const { stepMs, points } of TIERS)
    database.prepare('DELETE FROM point WHERE step = ? AND at <= ?').run(stepMs, nowMs - stepMs * points);
  database.prepare('DELETE FROM slo_hour WHERE hour <= ?').run(Math.floor(nowMs / HOUR_MS) - KEPT_HOURS);
  database
    .prepare('DELETE FROM change WHERE (at, id) NOT IN (SELECT at, id FROM change ORDER BY at DESC, id DESC LIMIT ?)')
    .run(KEPT_CHANGES);
}
