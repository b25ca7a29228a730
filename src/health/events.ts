import type { Status } from './status.ts';
import type { Change } from './timeline.ts';
import type { Overview } from './overview.ts';

/** What health reports. Other rooms adapt to the first three. */
export interface HealthEvents {
  /** The service got worse than healthy, or better than critical. */
  degraded: Status;
  /** The service got critical. */
  critical: Status;
  /** The service is healthy again. */
  recovered: Status;
  /** Once a second: the state of everything. */
  overview: Overview;
  /** Something changed that may explain what the charts show. */
  change: Change;
  /** The workers could not be asked, or history could not be saved; health goes on. */
  fault: { readonly what: string; readonly error: unknown };
}
