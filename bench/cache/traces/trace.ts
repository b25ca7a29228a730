/** Recorded sequences of accesses: which key was asked for after which, and nothing of what the keys were. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync } from 'node:zlib';

const MAX_FILE_BYTES = 200_000;
const fileOf = (name: string): string => join(import.meta.dirname, `${name}.trace.br`);

/** Keys as numbers, by the order in which they first appear. */
export function readTrace(name: string): number[] {
  const bytes = brotliDecompressSync(readFileSync(fileOf(name)));
  const keys: number[] = [];
  for (let at = 0; at < bytes.length;) {
    let [key, shift] = [0, 0];
    for (;;) {
      const byte = bytes[at++]!;
      key |= (byte & 0x7f) << shift;
      shift += 7;
      if (byte < 0x80) break;
    }
    keys.push(key);
  }
  return keys;
}

/** Writes as much of the sequence as fits into the size a trace may have in the repository. */
export function writeTrace(name: string, accesses: readonly string[]): void {
  const numbers = new Map<string, number>();
  const keys = accesses.map((access) => numbers.get(access) ?? (numbers.set(access, numbers.size), numbers.size - 1));
  let count = keys.length;
  let file = compressed(keys);
  for (; file.length > MAX_FILE_BYTES; file = compressed(keys.slice(0, count)))
    count = Math.floor((count * 0.99 * MAX_FILE_BYTES) / file.length);
  mkdirSync(import.meta.dirname, { recursive: true });
  writeFileSync(fileOf(name), file);
  console.log(`${name}: ${count} of ${keys.length} accesses, ${new Set(keys.slice(0, count)).size} keys, ${file.length} bytes`);
}

function compressed(keys: readonly number[]): Buffer {
  const bytes: number[] = [];
  for (const key of keys) {
    let rest = key;
    for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
    bytes.push(rest);
  }
  return brotliCompressSync(Uint8Array.from(bytes));
}
