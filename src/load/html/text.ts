export function escapeHtml(text: string): string {
  const named: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return text.replaceAll(/[&<>"']/g, (char) => named[char]!);
}

/** `0.42 ms`, `12 ms`, `345 ms`, `2.1 s`; a dash where nothing is known. */
export function time(ms: number | null): string {
  if (ms === null) return '–';
  if (ms >= 1000) return `${trim(ms / 1000, ms >= 10_000 ? 1 : 2)} s`;
  return `${trim(ms, ms >= 100 ? 0 : ms >= 10 ? 1 : 2)} ms`;
}

export function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** At most one decimal below 100, with thousands separated. */
export function amount(value: number): string {
  return value >= 100 ? whole(value) : trim(value, value >= 10 ? 1 : 2);
}

export function percent(share: number): string {
  if (share === 0) return '0 %';
  return `${trim(share * 100, share < 0.01 ? 3 : 1)} %`;
}

function trim(value: number, decimals: number): string {
  return String(Number(value.toFixed(decimals)));
}
