import type { Decision, LimitState } from './decision.ts';
import { limitFieldLines, limitLinePieces, seconds, type FieldChoice } from './http-fields.ts';

/** The lines of one limit, true until its reset is another second away, but for the digits of what remains. */
interface Layout {
  readonly policy: string;
  readonly limit: number;
  readonly resetSeconds: number;
  readonly bytes: Buffer;
  /** Where those digits end. */
  readonly ends: readonly number[];
  /** What they say. */
  remaining: number;
}

/**
 * The field lines of allowed decisions of one limiter as bytes. Where one limit decided they stay as they are from request
 * to request, and only the digits of what remains are written: making the text anew costs more than deciding.
 */
export class FieldBytes {
  readonly #choice: FieldChoice;
  /** By how many digits what remains has. */
  readonly #layouts: (Layout | undefined)[] = [];

  constructor(choice: FieldChoice) {
    this.#choice = choice;
  }

  /** Whole lines, each with its line break. They hold until the next call. */
  of(decision: Decision): Buffer {
    const { states } = decision;
    if (states.length !== 1) return Buffer.from(limitFieldLines(decision, this.#choice), 'latin1');
    const layout = this.#layoutOf(decision);
    writeRemaining(layout, decision.remaining);
    return layout.bytes;
  }

  #layoutOf(state: LimitState): Layout {
    const digits = digitsOf(state.remaining);
    const resetSeconds = seconds(state.resetMs);
    const known = this.#layouts[digits];
    if (known?.resetSeconds === resetSeconds && known.limit === state.limit && known.policy === state.policy) return known;
    return (this.#layouts[digits] = layOut(state, limitLinePieces(state, this.#choice), digits, resetSeconds));
  }
}

function layOut({ policy, limit }: LimitState, pieces: readonly string[], digits: number, resetSeconds: number): Layout {
  const ends: number[] = [];
  let length = 0;
  for (const piece of pieces.slice(0, -1)) ends.push((length += piece.length + digits));
  const bytes = Buffer.from(pieces.join('0'.repeat(digits)), 'latin1');
  return { policy, limit, resetSeconds, bytes, ends, remaining: 0 };
}

function digitsOf(whole: number): number {
  let digits = 1;
  for (let bound = 10; whole >= bound; bound *= 10) digits++;
  return digits;
}

const DIGIT_ZERO = 0x30;

/** Only the last digits change from one request of a client to its next: the others stand there already. */
function writeRemaining(layout: Layout, remaining: number): void {
  const { bytes, ends } = layout;
  let left = remaining;
  let written = layout.remaining;
  for (let back = 1; left !== written; back++) {
    const rest = Math.floor(left / 10);
    for (const end of ends) bytes[end - back] = DIGIT_ZERO + left - rest * 10;
    left = rest;
    written = Math.floor(written / 10);
  }
  layout.remaining = remaining;
}
