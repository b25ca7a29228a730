/** What the warming ahead brought, since this process started. */
export interface WarmingReport {
  /** Pages made because visitors of another page mostly go there next. */
  readonly warmed: number;
  /** Of those: asked for before they expired. */
  readonly useful: number;
  /** Of those: expired without a request. */
  readonly wasted: number;
}

interface Steps {
  total: number;
  /** Next page's key → how often. */
  readonly next: Map<string, number>;
}

export interface WarmingSettings {
  /** Share of a page's visitors that must go on to the next one. */
  readonly confidence: number;
  readonly maxPages: number;
  readonly maxVisitors: number;
}

/** Fewer steps from a page than this say nothing. */
const LEAST_STEPS = 20;
const MOST_NEXT = 8;
/** When a page has seen this many steps, all its counts are halved: habits change. */
const HALVE_AT = 1000;

/**
 * First-order transitions: which page visitors ask for after which. Learns from every visit; predicts only what a
 * declared share of visitors does. All its maps are bounded, the longest unused goes first.
 */
export class Warming {
  readonly #settings: WarmingSettings;
  /** Visitor → key of the last page. */
  readonly #last = new Map<string, string>();
  readonly #steps = new Map<string, Steps>();
  /** Warmed pages not asked for yet → until when that would be of use. */
  readonly #pending = new Map<string, number>();
  #warmed = 0;
  #useful = 0;
  #wasted = 0;

  constructor(settings: WarmingSettings) {
    this.#settings = settings;
  }

  /** Learns from a visit; the keys worth warming now. */
  observe(visitor: string, key: string): string[] {
    if (this.#pending.delete(key)) this.#useful++;
    const before = this.#last.get(visitor);
    this.#last.delete(visitor);
    this.#last.set(visitor, key);
    if (this.#last.size > this.#settings.maxVisitors) this.#last.delete(this.#last.keys().next().value!);
    if (before !== undefined && before !== key) this.#learn(before, key);
    return this.#likelyAfter(key);
  }

  /** `key` is being made on a prediction; it counts as useful when asked for before `untilMs`. */
  expect(key: string, untilMs: number): void {
    this.#warmed++;
    this.#pending.set(key, untilMs);
  }

  report(nowMs: number): WarmingReport {
    for (const [key, untilMs] of this.#pending) {
      if (nowMs < untilMs) continue;
      this.#pending.delete(key);
      this.#wasted++;
    }
    return { warmed: this.#warmed, useful: this.#useful, wasted: this.#wasted };
  }

  #learn(from: string, to: string): void {
    let steps = this.#steps.get(from);
    if (!steps) {
      if (this.#steps.size >= this.#settings.maxPages) this.#steps.delete(this.#steps.keys().next().value!);
      this.#steps.set(from, (steps = { total: 0, next: new Map() }));
    }
    steps.total++;
    if (steps.next.has(to) || steps.next.size < MOST_NEXT) steps.next.set(to, (steps.next.get(to) ?? 0) + 1);
    if (steps.total < HALVE_AT) return;
    steps.total /= 2;
    for (const [key, count] of steps.next) {
      if (count < 2) steps.next.delete(key);
      else steps.next.set(key, count / 2);
    }
  }

  #likelyAfter(key: string): string[] {
    const steps = this.#steps.get(key);
    if (!steps || steps.total < LEAST_STEPS) return [];
    const least = steps.total * this.#settings.confidence;
    return [...steps.next].filter(([next, count]) => count >= least && !this.#pending.has(next)).map(([next]) => next);
  }
}
