import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { ConfigError } from '../kernel/index.ts';
import type { ReplayArrival } from './arrival.ts';
import type { FixedRequest, FixedScenario } from './definition.ts';

/** Most requests taken from a log; 12 bytes each are kept. */
const MAX_ENTRIES = 1_000_000;
/** Only these can be sent again without harm, and without a body the log does not have. */
const REPLAYABLE = new Set(['GET', 'HEAD']);

export interface ReplayOptions {
  /** How much faster than recorded; 2 halves every gap. Default 1. */
  readonly speed?: number;
  /** Most requests to take, from the start. Default, and at most, 1,000,000. */
  readonly limit?: number;
}

/** A recording, ready for `defineLoad({ arrival: log.arrival, scenarios: { replay: log.scenario } })`. */
export interface Recording {
  readonly arrival: ReplayArrival;
  readonly scenario: FixedScenario;
  /** Lines that were no request, or one that is not sent again (all but GET and HEAD). */
  readonly skipped: number;
}

interface Entry {
  /** Wall-clock ms. */
  readonly atMs: number;
  /** What the log rounds times to, ms. */
  readonly grainMs: number;
  readonly method: string;
  readonly path: string;
}

/**
 * Reads an access log to replay: the common and combined formats of nginx and Apache, JSON lines (`time`, `timestamp` or
 * `ts`; `method`; `path`, `url` or `uri`), or a HAR file. Requests that a log in whole seconds puts in the same second
 * are spread evenly over it.
 *
 * @throws ConfigError when the file holds no request that can be sent again.
 */
export async function readAccessLog(file: string, options: ReplayOptions = {}): Promise<Recording> {
  const limit = Math.min(options.limit ?? MAX_ENTRIES, MAX_ENTRIES);
  const entries: { atMs: number; grainMs: number; target: number }[] = [];
  const targets = new Map<string, number>();
  let skipped = 0;
  for await (const entry of entriesOf(file)) {
    if (entries.length >= limit) break;
    if (!entry || !REPLAYABLE.has(entry.method) || !entry.path.startsWith('/')) {
      skipped++;
      continue;
    }
    const key = `${entry.method} ${entry.path}`;
    if (!targets.has(key)) targets.set(key, targets.size);
    entries.push({ atMs: entry.atMs, grainMs: entry.grainMs, target: targets.get(key)! });
  }
  if (entries.length === 0) {
    throw new ConfigError(file, [
      { path: '', message: 'holds no GET or HEAD request', fix: 'an access log in combined format, JSON lines, or a HAR file' },
    ]);
  }
  // A server logs when it has answered: lines are not quite in the order of arrival.
  entries.sort((a, b) => a.atMs - b.atMs);
  const requests: FixedRequest[] = [...targets.keys()].map((key) => {
    const [method, path] = key.split(' ') as [string, string];
    return { method, path };
  });
  return {
    arrival: { model: 'replay', offsetsMs: offsetsOf(entries, options.speed ?? 1) },
    scenario: { requests, order: Uint32Array.from(entries, (entry) => entry.target) },
    skipped,
  };
}

/** Times from the first one on, those within the log's grain spread evenly over it. */
function offsetsOf(entries: readonly { atMs: number; grainMs: number }[], speed: number): Float64Array {
  const offsets = new Float64Array(entries.length);
  const startMs = entries[0]!.atMs;
  for (let first = 0; first < entries.length;) {
    let after = first;
    while (after < entries.length && entries[after]!.atMs === entries[first]!.atMs) after++;
    const { atMs, grainMs } = entries[first]!;
    for (let at = first; at < after; at++) offsets[at] = (atMs - startMs + ((at - first) / (after - first)) * grainMs) / speed;
    first = after;
  }
  return offsets;
}

async function* entriesOf(file: string): AsyncGenerator<Entry | undefined> {
  if (file.endsWith('.har')) return yield* harEntries(await readFile(file, 'utf8'));
  const lines = createInterface({ input: createReadStream(file), crlfDelay: Infinity });
  for await (const line of lines) {
    if (line.trim() === '') continue;
    yield line.startsWith('{') ? jsonEntry(line) : combinedEntry(line);
  }
}

const COMBINED = /^\S+ \S+ .*?\[(\d{2})\/(\w{3})\/(\d{4}):(\d{2}:\d{2}:\d{2})(?:\.(\d+))? ([+-]\d{2})(\d{2})\] "([A-Z]+) (\S+)/;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `127.0.0.1 - - [20/Nov/2026:18:45:00 +0000] "GET /a HTTP/1.1" 200 …` */
function combinedEntry(line: string): Entry | undefined {
  const match = COMBINED.exec(line);
  if (!match) return undefined;
  const [, day, month, year, time, fraction, zoneHours, zoneMinutes, method, path] = match as unknown as string[];
  const monthNumber = String(MONTHS.indexOf(month!) + 1).padStart(2, '0');
  const atMs =
    Date.parse(`${year}-${monthNumber}-${day}T${time}${zoneHours}:${zoneMinutes}`) + Number(`0.${fraction ?? 0}`) * 1000;
  return Number.isNaN(atMs) ? undefined : { atMs, grainMs: fraction === undefined ? 1000 : 0, method: method!, path: path! };
}

function jsonEntry(line: string): Entry | undefined {
  try {
    const entry = JSON.parse(line) as Record<string, unknown>;
    const atMs = timeOf(entry['time'] ?? entry['timestamp'] ?? entry['ts']);
    const path = pathOf(entry['path'] ?? entry['url'] ?? entry['uri']);
    return atMs === undefined || path === undefined
      ? undefined
      : { atMs, grainMs: 0, method: String(entry['method'] ?? 'GET').toUpperCase(), path };
  } catch {
    return undefined;
  }
}

/** ISO 8601, or seconds or milliseconds since the Unix epoch. */
function timeOf(value: unknown): number | undefined {
  const number = typeof value === 'number' ? value : Number.NaN;
  const ms = Number.isNaN(number) ? Date.parse(String(value)) : number < 1e11 ? number * 1000 : number;
  return Number.isNaN(ms) ? undefined : ms;
}

function pathOf(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  if (value.startsWith('/')) return value;
  if (!URL.canParse(value)) return undefined;
  const { pathname, search } = new URL(value);
  return pathname + search;
}

interface Har {
  readonly log?: {
    readonly entries?: readonly {
      readonly startedDateTime: string;
      readonly request: { readonly method: string; readonly url: string };
    }[];
  };
}

function* harEntries(text: string): Generator<Entry | undefined> {
  for (const { startedDateTime, request } of (JSON.parse(text) as Har).log?.entries ?? []) {
    const [atMs, path] = [timeOf(startedDateTime), pathOf(request.url)];
    yield atMs === undefined || path === undefined ? undefined : { atMs, grainMs: 0, method: request.method, path };
  }
}
