const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAY = '(?:mon|tue|wed|thu|fri|sat|sun)';
const TIME = String.raw`(\d{2}):(\d{2}):(\d{2})`;
const IMF_FIXDATE = new RegExp(String.raw`^${DAY}, (\d{2}) ([a-z]{3}) (\d{4}) ${TIME} GMT$`, 'i');
const RFC_850 = new RegExp(String.raw`^${DAY}[a-z]*, (\d{2})-([a-z]{3})-(\d{2}) ${TIME} GMT$`, 'i');
const ASCTIME = new RegExp(String.raw`^${DAY} ([a-z]{3}) ([ \d]\d) ${TIME} (\d{4})$`, 'i');

/** Ms since the epoch of an HTTP-date in any of its three forms (RFC 9110 §5.6.7); undefined for anything else. */
export function parseHttpDate(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined;
  const fixdate = IMF_FIXDATE.exec(text);
  if (fixdate) return instant(fixdate[3]!, fixdate[2]!, fixdate[1]!, fixdate.slice(4));
  const rfc850 = RFC_850.exec(text);
  if (rfc850) return instant(fullYear(Number(rfc850[3]), nowMs), rfc850[2]!, rfc850[1]!, rfc850.slice(4));
  const asctime = ASCTIME.exec(text);
  return asctime ? instant(asctime[6]!, asctime[1]!, asctime[2]!, asctime.slice(3, 6)) : undefined;
}

/** `Sun, 06 Nov 1994 08:49:37 GMT` */
export function formatHttpDate(ms: number): string {
  return new Date(ms).toUTCString();
}

function instant(year: string | number, month: string, day: string, time: readonly string[]): number | undefined {
  const at = MONTHS.indexOf(month.toLowerCase());
  const [hours, minutes, seconds] = time.map(Number) as [number, number, number];
  if (at < 0 || hours > 23 || minutes > 59 || seconds > 60) return undefined;
  const ms = Date.UTC(Number(year), at, Number(day), hours, minutes, seconds);
  return new Date(ms).getUTCMonth() === at || seconds === 60 ? ms : undefined;
}

/** A two-digit year more than 50 years ahead lies in the past century (RFC 9110 §5.6.7). */
function fullYear(twoDigits: number, nowMs: number): number {
  const thisYear = new Date(nowMs).getUTCFullYear();
  const year = thisYear - (thisYear % 100) + twoDigits;
  return year > thisYear + 50 ? year - 100 : year;
}
