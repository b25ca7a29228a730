import type { Decision } from './decision.ts';
import type { Subject } from './subject.ts';

/** Units taken before it is known how many the work will need. */
export interface Reservation {
  /** Whether the units were there; otherwise nothing was taken and there is nothing to commit. */
  readonly allowed: boolean;
  readonly decision: Decision;
  /** The work took `actual` units. Fewer than reserved: the rest is given back. More: counted as far as the limit reaches. */
  commit(actual: number): Promise<void>;
  /** The work was not done: everything is given back. */
  cancel(): Promise<void>;
}

/** What a reservation needs of its limiter. */
interface Settler {
  refund(decision: Decision, cost: number): Promise<void>;
  charge(subject: Subject | string, cost: number): Promise<void>;
}

/** A reservation over units that `decision` has counted. Only the first of `commit` and `cancel` does anything. */
export function reserve(limiter: Settler, subject: Subject | string, decision: Decision, reserved: number): Reservation {
  let open = decision.allowed && decision.reason !== 'shadow';
  const settle = async (actual: number): Promise<void> => {
    if (!open) return;
    open = false;
    if (actual < reserved) await limiter.refund(decision, reserved - actual);
    else if (actual > reserved) await limiter.charge(subject, actual - reserved);
  };
  return { allowed: decision.allowed, decision, commit: settle, cancel: () => settle(0) };
}
