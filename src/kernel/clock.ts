/** A pending timer. */
export interface Timer {
  cancel(): void;
}

export interface TimerOptions {
  /** Keep the process alive until the timer has fired. Default false: a library must not hold its host open. */
  readonly keepAlive?: boolean;
}

/**
 * Time, as every part of Spillway sees it. Nothing else in `src/` reads the system's clock or sets timers, so that a
 * whole fleet can run on a {@link SimulatedClock}.
 */
export interface Clock {
  /** Wall-clock time in ms since the Unix epoch. It may step; use it for what is stored or shown. */
  now(): number;
  /** Monotonic time in ms, with fractions, from an arbitrary start. Use it for durations. */
  monotonic(): number;
  /** Calls `fn` once after `delayMs`. */
  setTimer(fn: () => void, delayMs: number, options?: TimerOptions): Timer;
  /** Calls `fn` every `periodMs` until cancelled. */
  setRepeating(fn: () => void, periodMs: number, options?: TimerOptions): Timer;
  /** Resolves after `delayMs`; rejects with the signal's reason when it aborts first. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

// Node fires timers longer than this at once (TIMEOUT_MAX in lib/internal/timers.js).
const LONGEST_NODE_TIMER_MS = 2 ** 31 - 1;

// The global of this name is a getter, which costs as much as the reading itself.
const { performance } = globalThis;

class SystemClock implements Clock {
  now(): number {
    return Date.now();
  }

  monotonic(): number {
    return performance.now();
  }

  setTimer(fn: () => void, delayMs: number, options?: TimerOptions): Timer {
    let handle: NodeJS.Timeout;
    const arm = (leftMs: number): void => {
      const stepMs = Math.min(leftMs, LONGEST_NODE_TIMER_MS);
      handle = setTimeout(() => (leftMs > stepMs ? arm(leftMs - stepMs) : fn()), stepMs);
      if (!options?.keepAlive) handle.unref();
    };
    arm(Math.max(0, delayMs));
    return { cancel: () => clearTimeout(handle) };
  }

  setRepeating(fn: () => void, periodMs: number, options?: TimerOptions): Timer {
    const handle = setInterval(fn, Math.min(periodMs, LONGEST_NODE_TIMER_MS));
    if (!options?.keepAlive) handle.unref();
    return { cancel: () => clearInterval(handle) };
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal);
  }
}

/** `sleep` for any clock, built on its `setTimer`. */
export function sleepOn(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = (): void => {
      timer.cancel();
      reject(signal!.reason);
    };
    const timer = clock.setTimer(
      () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      },
      delayMs,
      { keepAlive: true },
    );
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** The machine's clock. */
export const systemClock: Clock = new SystemClock();
