import { LRUCache } from 'lru-cache';
import type { Resident } from '../../src/cache/resident.ts';
import { S3Fifo } from '../../src/cache/s3-fifo.ts';
import { seededRandom, type Random } from '../../src/kernel/index.ts';
import type { Findings, Study } from '../harness/index.ts';
import { readTrace } from './traces/trace.ts';

const REQUESTS = 1_000_000;
const KEYS = 100_000;
/** Room for this share of all keys. */
const SIZES = [0.01, 0.1];

/** Ranks with Zipf's popularity: rank r is asked for in proportion to 1 / r^skew. */
function zipf(random: Random, keys: number, skew: number): () => number {
  const sums = new Float64Array(keys);
  let sum = 0;
  for (let rank = 0; rank < keys; rank++) sums[rank] = sum += 1 / (rank + 1) ** skew;
  return () => {
    const wanted = random.next() * sum;
    let [low, high] = [0, keys - 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (sums[middle]! < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

type Pattern = (random: Random, room: number) => () => number;

const SYNTHETIC: Readonly<Record<string, Pattern>> = {
  'Zipf 0.8': (random) => zipf(random, KEYS, 0.8),
  'Zipf 1.0': (random) => zipf(random, KEYS, 1),
  'Zipf 0.9, a scan of 25,000 other keys every 100,000 requests': (random) => {
    const popular = zipf(random, KEYS, 0.9);
    let at = 0;
    let scanned = KEYS;
    return () => {
      if (++at % 100_000 === 0) scanned = 0;
      return scanned < KEYS / 4 ? KEYS + scanned++ : popular();
    };
  },
  'Zipf 0.9 among keys asked for once (half of all)': (random) => {
    const popular = zipf(random, KEYS, 0.9);
    let once = KEYS;
    return () => (random.next() < 0.5 ? once++ : popular());
  },
  'a loop a fifth larger than the room, with Zipf 0.9 beside it': (random, room) => {
    const popular = zipf(random, KEYS, 0.9);
    let at = 0;
    return () => (random.next() < 0.5 ? 2 * KEYS + (at++ % Math.ceil(room * 1.2)) : popular());
  },
  'Zipf 0.9 whose favourites change every 100,000 requests': (random) => {
    const popular = zipf(random, KEYS, 0.9);
    let at = 0;
    let shift = 0;
    return () => {
      if (++at % 100_000 === 0) shift += 1000;
      return (popular() + shift) % KEYS;
    };
  },
  'read again soon after the first time, then hardly': (random) => {
    const recent: number[] = [];
    let next = 0;
    return () => {
      if (recent.length > 0 && random.next() < 0.6) return recent[Math.floor(random.next() ** 2 * recent.length)]!;
      recent.push(next);
      if (recent.length > 2000) recent.shift();
      return next++;
    };
  },
};

/** Recorded by traces/record.ts. */
const RECORDED: Readonly<Record<string, string>> = {
  'recorded: files opened by checks and tests of this repository': 'files',
  'recorded: blocks read by PostgreSQL under pgbench, the catalogue and reports': 'postgres',
  'recorded: URLs the power-plans site is asked for by its load': 'site',
};

class Item implements Resident {
  visits = 0;
  queue: Resident['queue'] & undefined = undefined;
  older: this | undefined = undefined;
  newer: this | undefined = undefined;
  readonly bytes = 1;
  readonly key: string;

  constructor(key: string) {
    this.key = key;
  }
}

function ratioOf(isHit: (key: string) => boolean, requests: number, next: (at: number) => number): number {
  let hits = 0;
  for (let at = 0; at < requests; at++) if (isHit(String(next(at)))) hits++;
  return hits / requests;
}

function lru(room: number): (key: string) => boolean {
  const cache = new LRUCache<string, true>({ max: room });
  return (key) => cache.get(key) === true || (cache.set(key, true), false);
}

function s3Fifo(room: number): (key: string) => boolean {
  const cache = new S3Fifo<Item>(room, Infinity);
  return (key) => cache.get(key) !== undefined || (cache.set(new Item(key)), false);
}

/** The same requests to both, each with room for so many entries. */
interface Round {
  readonly pattern: string;
  readonly room: number;
  readonly share: number;
  readonly requests: number;
  /** Anew for each contender: it may keep count. */
  readonly sequence: () => (at: number) => number;
}

function* synthetic(): Generator<Round> {
  for (const [pattern, make] of Object.entries(SYNTHETIC))
    for (const share of SIZES) {
      const room = KEYS * share;
      yield { pattern, room, share, requests: REQUESTS, sequence: () => make(seededRandom(1), room) };
    }
}

function* recorded(): Generator<Round> {
  for (const [pattern, name] of Object.entries(RECORDED)) {
    const trace = readTrace(name);
    const keys = new Set(trace).size;
    for (const share of SIZES)
      yield { pattern, room: Math.round(keys * share), share, requests: trace.length, sequence: () => (at) => trace[at]! };
  }
}

const points = (ratio: number): string => (100 * ratio).toFixed(1);
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

function play(rounds: Iterable<Round>): { rows: (string | number)[][]; gains: number[] } {
  const rows: (string | number)[][] = [];
  const gains: number[] = [];
  for (const { pattern, room, share, requests, sequence } of rounds) {
    const ours = ratioOf(s3Fifo(room), requests, sequence());
    const theirs = ratioOf(lru(room), requests, sequence());
    gains.push(ours - theirs);
    rows.push([pattern, `${100 * share} %`, points(ours), points(theirs), points(ours - theirs)]);
  }
  return { rows, gains };
}

const study: Study = {
  name: 'cache/hit-ratio',
  study: async (): Promise<Findings> => {
    const made = play(synthetic());
    const found = play(recorded());
    const all = [...made.gains, ...found.gains];
    return {
      bench: 'cache/hit-ratio',
      title: 'Hit ratio of the eviction policy',
      what: `Share of requests that hit, S3-FIFO beside lru-cache with the same room, given as a share of the pattern's keys. The same sequence for both: ${REQUESTS.toLocaleString('en')} requests for ${KEYS.toLocaleString('en')} keys where it is synthetic; recorded ones are real programs on one machine, kept in bench/cache/traces beside what recorded them. The site's visitors were those of its load scenario, the rows of pgbench are drawn evenly.`,
      columns: ['pattern', 'room', 'S3-FIFO %', 'LRU %', 'points gained'],
      rows: [
        ...made.rows,
        ...found.rows,
        ['mean of the synthetic', '', '', '', points(mean(made.gains))],
        ['mean of the recorded', '', '', '', points(mean(found.gains))],
        ['mean of all', '', '', '', points(mean(all))],
        ['worst', '', '', '', points(Math.min(...all))],
      ],
    };
  },
};

export default study;
