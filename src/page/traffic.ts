/** Below this span a rate says little: five clicks in a second are no 18,000 an hour. */
const SHORTEST_SPAN_MS = 600_000;

/** How often one page is asked for. Counting is an addition. */
export class PageTraffic {
  /** Requests in this process since the page was made. */
  hits = 0;
  /** Requests an hour that other processes of the fleet count, as they last told. */
  perHourElsewhere = 0;
  #sinceMs: number;
  #beforePerHour = 0;

  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
  }

  /** Requests an hour in the whole fleet. */
  perHour(nowMs: number): number {
    return this.perHourHere(nowMs) + this.perHourElsewhere;
  }

  /** Requests an hour in this process: of the span running now, or of the one before while that is too short to tell. */
  perHourHere(nowMs: number): number {
    const spanMs = nowMs - this.#sinceMs;
    const running = (this.hits * 3_600_000) / Math.max(spanMs, SHORTEST_SPAN_MS);
    return spanMs < SHORTEST_SPAN_MS ? Math.max(running, this.#beforePerHour) : running;
  }

  /** Starts a new span: the page was made anew. */
  turn(nowMs: number): void {
    this.#beforePerHour = this.perHourHere(nowMs);
    this.hits = 0;
    this.#sinceMs = nowMs;
  }
}
