/** The last so many pairs of values, and how they go together. */
export class Correlation {
  readonly #xs: Float64Array;
  readonly #ys: Float64Array;
  #count = 0;

  constructor(size: number) {
    this.#xs = new Float64Array(size);
    this.#ys = new Float64Array(size);
  }

  get count(): number {
    return Math.min(this.#count, this.#xs.length);
  }

  add(x: number, y: number): void {
    const at = this.#count++ % this.#xs.length;
    this.#xs[at] = x;
    this.#ys[at] = y;
  }

  /** Pearson's coefficient, −1 … 1; 0 where one of the two does not vary. */
  get coefficient(): number {
    const { count } = this;
    const [meanX, meanY] = [mean(this.#xs, count), mean(this.#ys, count)];
    let [covariance, varianceX, varianceY] = [0, 0, 0];
    for (let i = 0; i < count; i++) {
      const [dx, dy] = [this.#xs[i]! - meanX, this.#ys[i]! - meanY];
      covariance += dx * dy;
      varianceX += dx * dx;
      varianceY += dy * dy;
    }
    return varianceX === 0 || varianceY === 0 ? 0 : covariance / Math.sqrt(varianceX * varianceY);
  }

  /** Standard deviation of the second values ÷ their mean. */
  get variation(): number {
    const { count } = this;
    const average = mean(this.#ys, count);
    if (average === 0) return 0;
    let sum = 0;
    for (let i = 0; i < count; i++) sum += (this.#ys[i]! - average) ** 2;
    return Math.sqrt(sum / count) / average;
  }
}

function mean(values: Float64Array, count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += values[i]!;
  return count === 0 ? 0 : sum / count;
}
