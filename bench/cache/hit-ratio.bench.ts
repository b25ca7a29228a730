import { LRUCache } from 'lru-cache';
import type { Resident } from '../../src/cache/resident.ts';
import { S3Fifo } from '../../src/cache/s3-fifo.ts';
import { seededRandom, type Random } from '../../src/kernel/index.ts';
import type { Findings, Study } from '../harness/index.ts';

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

const PATTERNS: Readonly<Record<string, Pattern>> = {
  'Zipf 0.8': (random) => zipf(random, KEYS, 0.8),
  'Zipf 1.0': (random) => zipf(random, KEYS, 1),
  'Zipf 0.9, a scan of everything every 100,000 requests': (random) => {
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

function ratioOf(isHit: (key: string) => boolean, next: () => number): number {
  let hits = 0;
  for (let at = 0; at < REQUESTS; at++) if (isHit(String(next()))) hits++;
  return hits / REQUESTS;
}

function lru(room: number): (key: string) => boolean {
  const cache = new LRUCache<string, true>({ max: room });
  return (key) => cache.get(key) === true || (cache.set(key, true), false);
}

function s3Fifo(room: number): (key: string) => boolean {
  const cache = new S3Fifo<Item>(room, Infinity);
  return (key) => cache.get(key) !== undefined || (cache.set(new Item(key)), false);
}

const percent = (ratio: number): string => (100 * ratio).toFixed(1);

const study: Study = {
  name: 'cache/hit-ratio',
  study: async (): Promise<Findings> => {
    const rows: (string | number)[][] = [];
    const gains: number[] = [];
    for (const [name, pattern] of Object.entries(PATTERNS)) {
      for (const size of SIZES) {
        const room = KEYS * size;
        const ours = ratioOf(s3Fifo(room), pattern(seededRandom(1), room));
        const theirs = ratioOf(lru(room), pattern(seededRandom(1), room));
        gains.push(100 * (ours - theirs));
        rows.push([name, `${100 * size} %`, percent(ours), percent(theirs), (100 * (ours - theirs)).toFixed(1)]);
      }
    }
    const mean = gains.reduce((sum, gain) => sum + gain, 0) / gains.length;
    rows.push(['mean', '', '', '', mean.toFixed(1)], ['worst', '', '', '', Math.min(...gains).toFixed(1)]);
    return {
      bench: 'cache/hit-ratio',
      title: 'Hit ratio of the eviction policy',
      what: `Share of ${REQUESTS.toLocaleString('en')} requests that hit, S3-FIFO beside lru-cache with the same room, given as a share of ${KEYS.toLocaleString('en')} keys. Synthetic patterns, the same sequence for both.`,
      columns: ['pattern', 'room', 'S3-FIFO %', 'LRU %', 'points gained'],
      rows,
    };
  },
};

export default study;
