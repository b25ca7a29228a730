const LEVELS = '▁▂▃▄▅▆▇█';

/** Values as a line of bars at most `width` wide; where values share a bar, the highest shows. */
export function sparkline(values: readonly number[], width: number): string {
  const bars = Math.min(width, values.length);
  const heights = Array.from({ length: bars }, (_, bar) => {
    const start = Math.floor((bar * values.length) / bars);
    const end = Math.max(start + 1, Math.floor(((bar + 1) * values.length) / bars));
    return Math.max(...values.slice(start, end));
  });
  const highest = Math.max(...heights);
  return heights.map((height) => LEVELS[highest > 0 ? Math.round((height / highest) * (LEVELS.length - 1)) : 0]!).join('');
}
