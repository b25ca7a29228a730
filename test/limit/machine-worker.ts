/** A worker whose limiter counts in its primary; it decides as often as it is asked to. */
import { joinCluster } from '../../src/cluster/index.ts';
import { remoteCounterStore } from '../../src/drivers/remote-counter-store.ts';
import { createLimiter } from '../../src/limit/index.ts';

export interface MachineOrder {
  readonly decisions: number;
  readonly limit: number;
  readonly leases: boolean;
}

const worker = await joinCluster();
const store = remoteCounterStore(worker);
worker.answer('decide', async (order) => {
  const { decisions, limit, leases } = order as MachineOrder;
  // A busy machine may be late; what is looked at is the sum.
  const limiter = createLimiter({ limit, window: '1h', by: 'everyone', store, leases, storeDeadline: '10s' });
  const answers = await Promise.all(Array.from({ length: decisions }, () => limiter.check({})));
  limiter.close();
  return answers.filter(({ allowed }) => allowed).length;
});
worker.onDrain(() => store.close());
worker.ready();
