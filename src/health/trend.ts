/** One reading of something that may grow. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/**
 * Mann–Kendall test: how far the readings are from having no trend, in standard deviations. Above 2.6 a rise by chance is
 * less likely than 1 in 200. Ranks only, so a single spike says little.
 */
export function mannKendall(values: readonly number[]): number {
  const n = values.length;
  let s = 0;
  for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) s += Math.sign(values[j]! - values[i]!);
  const ties = new Map<number, number>();
  for (const value of values) ties.set(value, (ties.get(value) ?? 0) + 1);
  let variance = n * (n - 1) * (2 * n + 5);
  for (const t of ties.values()) variance -= t * (t - 1) * (2 * t + 5);
  if (variance <= 0) return 0;
  return (s - Math.sign(s)) / Math.sqrt(variance / 18);
}

/** Theil–Sen slope: the median of the slopes of all pairs, and the lower end of its 95 % confidence interval. */
export function theilSen(points: readonly Point[]): { readonly slope: number; readonly lower: number } {
  const slopes: number[] = [];
  for (let i = 0; i < points.length; i++) {
    for (let j = i + 1; j < points.length; j++) {
      const dx = points[j]!.x - points[i]!.x;
      if (dx > 0) slopes.push((points[j]!.y - points[i]!.y) / dx);
    }
  }
  if (slopes.length === 0) return { slope: 0, lower: 0 };
  slopes.sort((a, b) => a - b);
  const n = points.length;
  const spread = 1.96 * Math.sqrt((n * (n - 1) * (2 * n + 5)) / 18);
  const lower = Math.max(0, Math.floor((slopes.length - spread) / 2));
  return { slope: slopes[Math.floor(slopes.length / 2)]!, lower: slopes[lower]! };
}
