/** Numbers in sentences. */

/** `0.31` → `31 %`, `0.0123` → `1.23 %`. */
export function percent(share: number): string {
  return `${Number((share * 100).toPrecision(share >= 0.1 && share < 0.995 ? 2 : 3))} %`;
}

/** A promise to the last digit: `0.9995` → `99.95 %`. */
export function exactPercent(share: number): string {
  return `${Number((share * 100).toPrecision(6))} %`;
}

/** `2643` → `2.64 s`, `250` → `250 ms`. */
export function time(ms: number): string {
  return ms >= 1000 ? `${Number((ms / 1000).toPrecision(3))} s` : `${Number(ms.toPrecision(3))} ms`;
}

/** `3` → `worker 3`; a name that says what it is stays as it is. */
export function workerNamed(name: string): string {
  return /^(?:worker|primary)\b/.test(name) ? name : `worker ${name}`;
}
