/** Rows for a scenario's iterations. */
export interface Feed<Row> {
  /** The row for an iteration: the same however many workers share the run. */
  rowAt(iteration: number): Row;
}

/**
 * Hands out `rows` one an iteration: in turn and again from the start (`circular`), or in an order that looks random but
 * is the same in every run (`shuffled`).
 */
export function feed<Row>(rows: readonly Row[], order: 'circular' | 'shuffled' = 'circular'): Feed<Row> {
  if (rows.length === 0) throw new RangeError('a feed needs at least one row');
  if (order === 'circular') return { rowAt: (iteration) => rows[iteration % rows.length]! };
  return { rowAt: (iteration) => rows[Math.floor(spread(iteration) * rows.length)]! };
}

/** A number in [0, 1) for each whole number: murmur3's finaliser, so that neighbours share nothing. */
export function spread(index: number): number {
  let word = (index ^ (index / 2 ** 32)) | 0;
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return ((word ^ (word >>> 16)) >>> 0) / 2 ** 32;
}
