/** What clients notice when one of five endpoints is killed, freezes, or fails fast. */
import type { Findings, Study } from '../harness/index.ts';
import { failOneOfFive, type Fault } from './failures.ts';

const FAULTS: readonly Fault[] = ['killed', 'frozen', 'fails fast'];

async function study(): Promise<Findings> {
  const rows: (string | number)[][] = [];
  for (const fault of FAULTS) {
    const outcome = await failOneOfFive(fault, { faultMs: 10_000, slowStartMs: 5000 });
    rows.push([
      fault,
      outcome.requests,
      String(outcome.failed),
      percent(outcome.failed / outcome.requests),
      percent(outcome.shareAtFirst),
      percent(outcome.shareAfter),
      `${outcome.secondsToReturn.toFixed(1)} s`,
      percent(outcome.shareOnReturn),
      percent(outcome.shareInTheEnd),
    ]);
  }
  return {
    bench: 'balance/failures',
    title: 'Balance: one of five endpoints fails under load',
    what: '40 clients ask without pause for what is safe to repeat; each endpoint takes 5 ms. One of the five is killed, stopped, or answers 500 at once, for 10 s. Failed: whatever a client did not get as 200. Then its share of the requests: in the first second, during the rest of the fault, in the second after it was used again, and after a slow start of 5 s; an even share is 20 %. attemptTimeout 1 s, health checks every 500 ms, ejection 2 s.',
    columns: ['fault', 'requests', 'failed', 'share', 'first second', 'after it', 'used again after', 'on return', 'in the end'],
    rows,
  };
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}

const failures: Study = { name: 'balance/failures', study };
export default failures;
