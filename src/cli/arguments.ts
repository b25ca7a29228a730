import { InvalidArgumentError } from 'commander';
import { parseSize } from '../kernel/index.ts';

/** For commander: a whole number from `min` to `max`. */
export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
    throw new InvalidArgumentError(`A whole number ${range} is expected.`);
  };
}

export const portNumber = wholeNumber(0, 65_535);

/** For commander: a number of workers, or `auto`. */
export function workerCount(text: string): number | 'auto' {
  if (text === 'auto') return text;
  return wholeNumber(1, 256)(text);
}

/** For commander: a size such as `64mb`, in bytes. */
export function sizeInBytes(text: string): number {
  const bytes = parseSize(text);
  if (bytes !== undefined && bytes > 0) return bytes;
  throw new InvalidArgumentError(`A size such as 64mb is expected.`);
}

/** For commander: an http or https address. */
export function httpUrl(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text;
  throw new InvalidArgumentError(`An address such as http://127.0.0.1:3000 is expected.`);
}

/** For commander: an option that may be repeated. */
export function collect(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}
