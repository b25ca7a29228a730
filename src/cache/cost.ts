const WEIGHT = 0.01;
const COSTLY = 4;

/** Tells values that are dear to load for the room they take from the usual ones. */
export class Cost {
  /** Mean of ms per byte over the latest hundred or so loads. */
  #usual = 0;

  observe(loadMs: number, bytes: number): void {
    if (loadMs > 0) this.#usual += WEIGHT * (loadMs / bytes - this.#usual);
  }

  /** Whether a load of this value costs several times as much per byte as usual. */
  isHigh(entry: { readonly loadMs: number; readonly bytes: number }): boolean {
    return this.#usual > 0 && entry.loadMs / entry.bytes > COSTLY * this.#usual;
  }
}
