import { createRequire } from 'node:module';
import { createBreaker } from '../../src/breaker/index.ts';
import { defineBench } from '../harness/index.ts';

const require = createRequire(import.meta.url);
const work = (): Promise<number> => Promise.resolve(1);

export default defineBench({
  name: 'breaker/call',
  title: 'One call through a closed breaker',
  what: 'A call that succeeds at once. Breakers judge a failure rate over ten seconds; cockatiel by its sampling breaker. tryAcquire + record is what the gateway does instead of execute.',
  unit: 'call',
  baseline: 'cockatiel',
  contenders: {
    'spillway execute': {
      kind: 'operation',
      prepare: () => {
        const breaker = createBreaker();
        return {
          run: async (count) => {
            for (let i = 0; i < count; i++) await breaker.execute(work);
          },
        };
      },
    },
    'spillway tryAcquire + record': {
      kind: 'operation',
      prepare: () => {
        const breaker = createBreaker();
        return {
          run: async (count) => {
            for (let i = 0; i < count; i++) {
              const ticket = breaker.tryAcquire();
              await work();
              breaker.record(ticket, 'success');
            }
          },
        };
      },
    },
    cockatiel: {
      kind: 'operation',
      prepare: () => {
        const { circuitBreaker, handleAll, SamplingBreaker } = require('cockatiel') as {
          circuitBreaker(policy: unknown, options: object): { execute(fn: () => Promise<number>): Promise<number> };
          handleAll: unknown;
          SamplingBreaker: new (options: object) => unknown;
        };
        const breaker = circuitBreaker(handleAll, {
          halfOpenAfter: 1000,
          breaker: new SamplingBreaker({ threshold: 0.5, duration: 10_000, minimumRps: 2 }),
        });
        return {
          run: async (count) => {
            for (let i = 0; i < count; i++) await breaker.execute(work);
          },
        };
      },
    },
    opossum: {
      kind: 'operation',
      prepare: () => {
        const CircuitBreaker = require('opossum') as new (
          fn: () => Promise<number>,
          options: object,
        ) => {
          fire(): Promise<number>;
          shutdown(): void;
        };
        const breaker = new CircuitBreaker(work, { timeout: false, errorThresholdPercentage: 50, volumeThreshold: 20 });
        return {
          run: async (count) => {
            for (let i = 0; i < count; i++) await breaker.fire();
          },
          close: () => breaker.shutdown(),
        };
      },
    },
  },
});
