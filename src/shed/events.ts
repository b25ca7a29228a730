import type { Priority } from '../policy/index.ts';

/**
 * Why a request was refused. `queueDelay`: it had waited for the event loop longer than its priority may. `level`: so
 * many had that it is beyond the level admitted now. Otherwise the name of a reported signal.
 */
export type ShedReason = 'queueDelay' | 'level' | (string & {});

export interface ShedEvents {
  /** A request was refused (`shadow`: would have been), and why: the signal, its value and what it may be. */
  refused: {
    readonly className: string;
    readonly priority: Priority;
    readonly reason: ShedReason;
    readonly value: number;
    readonly threshold: number;
    readonly shadow: boolean;
  };
  /** The admission level changed: of 640 places, 128 a priority, those below it are admitted. */
  levelChanged: { readonly level: number; readonly queueDelayMs: number };
}
