/**
 * The moment a message was due, as text inside it: whoever receives it, in whatever process of this machine, can tell
 * how long it took. Times are of the system's monotonic clock, which all processes share.
 */
const MARK = Buffer.from('sent@');
const END = 59; // ';'
const POINT = 46;

export function stampOf(systemMs: number): string {
  return `sent@${systemMs.toFixed(3)};`;
}

/** The stamp in a message, ms of the system's monotonic clock; undefined when there is none. */
export function readStamp(bytes: Buffer, start: number, end: number): number | undefined {
  const at = start + bytes.subarray(start, end).indexOf(MARK);
  if (at < start) return undefined;
  let value = 0;
  let decimals = -1;
  for (let i = at + MARK.length; i < end; i++) {
    const byte = bytes[i]!;
    if (byte === END) return decimals > 0 ? value / 10 ** decimals : value;
    if (byte === POINT) decimals = 0;
    else {
      if (byte < 48 || byte > 57) return undefined;
      value = value * 10 + (byte - 48);
      if (decimals >= 0) decimals++;
    }
  }
  return undefined;
}

/** Now, on the system's monotonic clock, ms. */
export function systemMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
