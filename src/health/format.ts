/** Numbers as people read them, in the browser and in the terminal. Unknown is a dash, never a zero. */

const DASH = '–';
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat('en', { maximumFractionDigits: 1, minimumFractionDigits: 1 });

type Known = number | null | undefined;

export function amount(value: Known): string {
  if (value === null || value === undefined) return DASH;
  if (value > 0 && value < 0.05) return '<0.1';
  if (value >= 1e6) return `${tenth.format(value / 1e6)} M`;
  if (value >= 100_000) return `${whole.format(value / 1000)} k`;
  return !Number.isInteger(value) && value < 9.95 ? tenth.format(value) : whole.format(value);
}

export function rate(value: Known): string {
  return value === null || value === undefined ? DASH : `${value === 0 ? '0' : amount(value)}/s`;
}

export function ms(value: Known): string {
  if (value === null || value === undefined) return DASH;
  if (value < 1) return `${value.toFixed(2)} ms`;
  if (value < 9.95) return `${tenth.format(value)} ms`;
  return value < 1000 ? `${whole.format(value)} ms` : `${(value / 1000).toFixed(value < 10_000 ? 2 : 1)} s`;
}

export function percent(value: Known): string {
  if (value === null || value === undefined) return DASH;
  const points = value * 100;
  if (points === 0 || points === 100 || (points >= 10 && points < 99)) return `${Math.round(points)} %`;
  // Nearly all is not all.
  return points > 99.95 && points < 100 ? '>99.9 %' : `${points.toFixed(1)} %`;
}

export function bytes(value: Known): string {
  if (value === null || value === undefined) return DASH;
  return value >= 2 ** 30 ? `${(value / 2 ** 30).toFixed(1)} GB` : `${whole.format(value / 2 ** 20)} MB`;
}

/** A length of time in its two largest units. */
export function span(lengthMs: number): string {
  const seconds = Math.max(0, Math.round(lengthMs / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return minutes < 10 && seconds % 60 > 0 ? `${minutes} min ${seconds % 60} s` : `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

const time = new Intl.DateTimeFormat('en', { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const dayTime = new Intl.DateTimeFormat('en', {
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
});

export function clockTime(atMs: number, nowMs: number): string {
  return nowMs - atMs < 86_400_000 ? time.format(atMs) : dayTime.format(atMs);
}
