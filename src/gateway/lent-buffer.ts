import type { Gauge, Metrics } from '../kernel/index.ts';

/** Large enough that few system calls move a large answer, small enough that what one reads another finds in the processor's cache. */
export const LENT_BYTES = 131_072;
/** Together 16 MiB. Answers beyond that many at a time are copied piece by piece. */
const MOST_BUFFERS = 128;

/**
 * A buffer that one connection reads a large body into, and whose pieces are lent to whoever writes them on: a copy of each
 * piece would be cheap, but not the collection of so much garbage.
 */
export class LentBuffer {
  readonly bytes = Buffer.allocUnsafeSlow(LENT_BYTES);
  readonly #pool: LentBuffers;
  /** Pieces that are in use. */
  #pieces = 0;
  #retired = false;
  #onFree: (() => void) | undefined;
  readonly #giveBack = (): void => {
    if (--this.#pieces > 0) return;
    if (this.#retired) this.#pool.takeBack(this);
    else this.#onFree?.();
  };

  constructor(pool: LentBuffers) {
    this.#pool = pool;
  }

  get inUse(): boolean {
    return this.#pieces > 0;
  }

  begin(onFree: () => void): void {
    this.#retired = false;
    this.#onFree = onFree;
  }

  /** A piece of it goes out. Returns what has to be called once when that is used up. */
  lend(): () => void {
    this.#pieces++;
    return this.#giveBack;
  }

  /** Its connection needs it no more; pieces of it may still be in use. */
  retire(): void {
    this.#retired = true;
    this.#onFree = undefined;
    if (this.#pieces === 0) this.#pool.takeBack(this);
  }
}

/** The buffers of one proxy. They are made when they are needed first, and kept. */
export class LentBuffers {
  readonly #free: LentBuffer[] = [];
  readonly #most: number;
  #made = 0;

  constructor(metrics: Metrics, most = MOST_BUFFERS) {
    this.#most = most;
    const used: Gauge = metrics
      .gauge({ name: 'spillway_http_lent_buffers', help: `Buffers of ${LENT_BYTES} bytes in use for large answers.` })
      .series();
    metrics.onCollect(() => used.set(this.used));
  }

  get used(): number {
    return this.#made - this.#free.length;
  }

  /**
   * A buffer, or undefined when all are in use.
   *
   * @param onFree hears whenever no piece of it is in use any more.
   */
  take(onFree: () => void): LentBuffer | undefined {
    const buffer = this.#free.pop() ?? this.#make();
    buffer?.begin(onFree);
    return buffer;
  }

  takeBack(buffer: LentBuffer): void {
    this.#free.push(buffer);
  }

  #make(): LentBuffer | undefined {
    if (this.#made === this.#most) return undefined;
    this.#made++;
    return new LentBuffer(this);
  }
}
