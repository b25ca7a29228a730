/** The tail of request times under each strategy, on five simulated fleets. No clock of this machine is involved. */
import type { Findings, Study } from '../harness/index.ts';
import { CONTENDERS, FLEETS, medianTail, SEEDS } from './fleet.ts';

const study: Study = {
  name: 'balance/fleets',
  study: async (): Promise<Findings> => ({
    bench: 'balance/fleets',
    title: 'Balancing: the tail on five fleets',
    what: `p99 of the time to an answer, ms: the median of ${SEEDS.length} seeds. 4 gateways that know only what they see themselves, 10 servers that work on 4 requests at once, 10 ms mean service time, a random server pausing for 300 ms about once a second. twoChoices: the better of two random servers by requests in flight.`,
    columns: ['fleet', ...CONTENDERS],
    rows: FLEETS.map((fleet) => [
      `${fleet.name}: ${fleet.what}`,
      ...CONTENDERS.map((contender) => Math.round(medianTail(fleet, contender))),
    ]),
  }),
};

export default study;
