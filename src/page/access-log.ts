/** One request of an access log. */
export interface LoggedRequest {
  readonly atMs: number;
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly status: number;
  /** Bytes of the answer's body; 0 where the log has none. */
  readonly bytes: number;
}

const MONTHS = 'JanFebMarAprMayJunJulAugSepOctNovDec';

/** Reads lines in the common and the combined log format of Apache and nginx. */
export class AccessLogReader {
  // Neighbouring lines share their second: its text is read once.
  #stamp = '';
  #stampMs = 0;

  /** The request of a line; undefined when the line is none. */
  read(line: string): LoggedRequest | undefined {
    const open = line.indexOf('[');
    const close = line.indexOf(']', open);
    const quote = line.indexOf('"', close);
    const unquote = line.indexOf('" ', quote + 1);
    if (open < 0 || close < 0 || quote < 0 || unquote < 0) return undefined;
    const methodEnd = line.indexOf(' ', quote);
    const targetEnd = line.indexOf(' ', methodEnd + 1);
    if (methodEnd < 0 || methodEnd > unquote) return undefined;
    const target = line.slice(methodEnd + 1, targetEnd < 0 || targetEnd > unquote ? unquote : targetEnd);
    const status = Number(line.slice(unquote + 2, unquote + 5));
    const atMs = this.#time(line.slice(open + 1, close));
    if (!target.startsWith('/') || !(status >= 100 && status < 600) || Number.isNaN(atMs)) return undefined;
    const bytesEnd = line.indexOf(' ', unquote + 6);
    const bytes = Number(line.slice(unquote + 6, bytesEnd < 0 ? undefined : bytesEnd));
    const at = target.indexOf('?');
    return {
      atMs,
      method: line.slice(quote + 1, methodEnd),
      path: at < 0 ? target : target.slice(0, at),
      query: at < 0 ? '' : target.slice(at + 1),
      status,
      bytes: bytes > 0 ? bytes : 0,
    };
  }

  /** `10/Oct/2000:13:55:36 -0700` in ms since the epoch; NaN for anything else. */
  #time(stamp: string): number {
    if (stamp === this.#stamp) return this.#stampMs;
    const match = /^(\d\d)\/([A-Z][a-z]{2})\/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)$/.exec(stamp);
    if (!match) return NaN;
    const [, day, month, year, hours, minutes, seconds, sign, zoneHours, zoneMinutes] = match;
    const at = MONTHS.indexOf(month!) / 3;
    const local = Date.UTC(Number(year), at, Number(day), Number(hours), Number(minutes), Number(seconds));
    const zoneMs = (Number(zoneHours) * 60 + Number(zoneMinutes)) * 60_000;
    this.#stamp = stamp;
    this.#stampMs = local - (sign === '-' ? -zoneMs : zoneMs);
    return this.#stampMs;
  }
}
