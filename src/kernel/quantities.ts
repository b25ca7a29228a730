/** A duration as users write it: `'250ms'`, `'15m'`, `'1h30m'`, or 0. */
export type Duration = string | 0;
/** A size in bytes as users write it: `'64mb'`, `'1kb'`, or 0. 1 kb is 1,024 bytes. */
export type Size = string | 0;

const MS_PER: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
const BYTES_PER: Record<string, number> = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 };

/** Milliseconds of a duration, or undefined when it is none. */
export function parseDuration(text: unknown): number | undefined {
  return text === 0 ? 0 : parseQuantity(text, /(\d+(?:\.\d+)?)(ms|s|m|h|d|w)/gy, MS_PER);
}

/** Bytes of a size, or undefined when it is none. */
export function parseSize(text: unknown): number | undefined {
  return text === 0 ? 0 : parseQuantity(text, /(\d+(?:\.\d+)?)(b|kb|mb|gb)/gy, BYTES_PER);
}

function parseQuantity(text: unknown, part: RegExp, units: Record<string, number>): number | undefined {
  if (typeof text !== 'string' || text === '') return undefined;
  const compact = text.toLowerCase().replaceAll(' ', '');
  let total = 0;
  let end = 0;
  for (const match of compact.matchAll(part)) {
    total += Number(match[1]) * units[match[2]!]!;
    end = match.index + match[0].length;
  }
  return end === compact.length && end > 0 ? Math.round(total) : undefined;
}

/** `90_000` → `'1m30s'`: the shortest text that {@link parseDuration} reads back. */
export function formatDuration(ms: number): string {
  return (
    formatQuantity(Math.round(ms), [
      ['d', 86_400_000],
      ['h', 3_600_000],
      ['m', 60_000],
      ['s', 1000],
      ['ms', 1],
    ]) || '0'
  );
}

/** `1536` → `'1.5kb'`: at most one decimal, for people. */
export function formatSize(bytes: number): string {
  const unit = bytes >= 1024 ** 3 ? 'gb' : bytes >= 1024 ** 2 ? 'mb' : bytes >= 1024 ? 'kb' : 'b';
  return `${Math.round((bytes / BYTES_PER[unit]!) * 10) / 10}${unit}`;
}

function formatQuantity(total: number, units: readonly (readonly [string, number])[]): string {
  let rest = total;
  let text = '';
  for (const [unit, size] of units) {
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text;
}

const UNIT_WORDS: readonly (readonly [RegExp, string])[] = [
  [/^(?:milliseconds?|millis|msecs?)$/, 'ms'],
  [/^(?:seconds?|secs?)$/, 's'],
  [/^(?:minutes?|mins?)$/, 'm'],
  [/^(?:hours?|hrs?)$/, 'h'],
  [/^days?$/, 'd'],
  [/^weeks?$/, 'w'],
];
const SIZE_WORDS: readonly (readonly [RegExp, string])[] = [
  [/^(?:bytes?)$/, 'b'],
  [/^(?:k|kib|kilobytes?)$/, 'kb'],
  [/^(?:m|mib|megabytes?)$/, 'mb'],
  [/^(?:g|gib|gigabytes?)$/, 'gb'],
];

/** What the writer of a wrong duration most likely meant: `'15 minutes'` → `write '15m'`. */
export function suggestDuration(text: unknown): string | undefined {
  if (typeof text === 'number' && text > 0) return `a number has no unit: write '${text}ms' or '${text}s'`;
  return suggestQuantity(text, UNIT_WORDS);
}

/** What the writer of a wrong size most likely meant: `'64 MiB'` → `write '64mb'`. */
export function suggestSize(text: unknown): string | undefined {
  if (typeof text === 'number' && text > 0) return `a number has no unit: write '${text}b' or '${text}kb'`;
  return suggestQuantity(text, SIZE_WORDS);
}

function suggestQuantity(text: unknown, words: readonly (readonly [RegExp, string])[]): string | undefined {
  const [, amount, word] = /^\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*$/i.exec(String(text)) ?? [];
  const unit = words.find(([pattern]) => word !== undefined && pattern.test(word.toLowerCase()))?.[1];
  return unit && `write '${amount}${unit}'`;
}
