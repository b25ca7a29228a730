import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lifecycle, type Part } from './lifecycle.ts';
import { SimulatedClock } from './simulated-clock.ts';

function recorder() {
  const steps: string[] = [];
  const part = (name: string, extra: Partial<Part> = {}): Part => ({
    name,
    start: () => void steps.push(`start ${name}`),
    drain: () => void steps.push(`drain ${name}`),
    stop: () => void steps.push(`stop ${name}`),
    ...extra,
  });
  return { steps, part };
}

test('starts in order; drains and stops in the reverse order; stopping twice is once', async () => {
  const { steps, part } = recorder();
  const lifecycle = new Lifecycle(new SimulatedClock());
  lifecycle.add(part('store'));
  lifecycle.add(part('gateway'));
  await lifecycle.start();
  assert.equal(lifecycle.state, 'running');
  await Promise.all([lifecycle.stop(1000), lifecycle.stop(1000)]);
  assert.equal(lifecycle.state, 'stopped');
  assert.deepEqual(steps, ['start store', 'start gateway', 'drain gateway', 'drain store', 'stop gateway', 'stop store']);
});

test('a part that fails to start stops those before it and passes its failure on', async () => {
  const { steps, part } = recorder();
  const lifecycle = new Lifecycle(new SimulatedClock());
  lifecycle.add(part('store'));
  lifecycle.add(part('gateway', { start: () => Promise.reject(new Error('port taken')) }));
  await assert.rejects(lifecycle.start(), /port taken/);
  assert.deepEqual(steps, ['start store', 'stop store']);
  assert.equal(lifecycle.state, 'stopped');
});

test('the drain deadline aborts the signal, and a failing part does not keep the others from stopping', async () => {
  const { steps, part } = recorder();
  const clock = new SimulatedClock();
  const lifecycle = new Lifecycle(clock);
  const failed: string[] = [];
  lifecycle.events.on('partFailed', (event) => failed.push(`${event.step} ${event.part}`));
  lifecycle.add(part('store'));
  lifecycle.add(
    part('gateway', {
      drain: (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    }),
  );
  await lifecycle.start();
  const stopped = lifecycle.stop(5000);
  await clock.advance(5000);
  await stopped;
  assert.deepEqual(failed, ['drain gateway']);
  assert.deepEqual(steps.slice(-2), ['stop gateway', 'stop store']);
});
