/** Workers of a real cluster hold a limit together, with nothing installed, and their successors go on from there. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { createCluster } from '../../src/cluster/index.ts';
import { MemoryCounterStore } from '../../src/drivers/memory-counter-store.ts';
import { serveCounterStore } from '../../src/drivers/remote-counter-store.ts';
import type { MachineOrder } from './machine-worker.ts';

test('three workers admit as many as one would, before and after they are replaced', async () => {
  const cluster = createCluster({
    entry: { file: join(import.meta.dirname, 'machine-worker.ts'), env: {} },
    workers: 3,
    sockets: {},
  });
  const counters = new MemoryCounterStore();
  const workerGone = serveCounterStore(() => counters.connect(), cluster);
  cluster.events.on('workerGone', ({ id }) => workerGone(id));
  await cluster.start();
  const admitted = async (order: MachineOrder): Promise<number> => {
    const answers = await cluster.ask('decide', order);
    assert.equal(answers.length, 3);
    return answers.reduce((sum, answer) => sum + (answer.ok ? (answer.value as number) : Number.NaN), 0);
  };
  try {
    assert.equal(await admitted({ decisions: 200, limit: 1000, leases: false }), 600);
    await cluster.reload();
    assert.equal(await admitted({ decisions: 200, limit: 1000, leases: false }), 400, 'the successors go on from 600');
    const leased = await admitted({ decisions: 2000, limit: 3001, leases: true });
    assert.ok(leased <= 3001 && leased > 2700, `${leased} of 3001`);
  } finally {
    await cluster.stop();
  }
});
