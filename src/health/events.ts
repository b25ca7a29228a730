import type { AlertTransition } from './alert-book.ts';
import type { Status } from './status.ts';
import type { Change } from './timeline.ts';
import type { Overview } from './overview.ts';
import type { VerdictReport } from './verdict-report.ts';

/** What health reports. Other rooms adapt to the first. */
export interface HealthEvents {
  /** The verdict, when it or its worst cause changes and every 3 seconds while it stays: who adapts to it may come late. */
  verdict: VerdictReport;
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
  /** An alert began to fire, or is over. */
  alert: AlertTransition;
  /** What receivers of type `log` are told: alerts as text, one line each. */
  notice: { readonly text: string };
  /** The workers could not be asked, history could not be kept, or an alert not be delivered; health goes on. */
  fault: { readonly what: string; readonly error: unknown };
}
