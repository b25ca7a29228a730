import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { count, duration, size } from '../../kernel/index.ts';

const workerCount = () => count(1, 256);

export const workersSection = z
  .union([
    workerCount(),
    z.literal('auto'),
    z.strictObject({
      min: workerCount().describe('Workers that always run.'),
      max: workerCount().describe('Most workers under load.'),
    }),
  ])
  .transform((workers) => {
    if (typeof workers === 'object') return workers;
    const fixed = workers === 'auto' ? availableParallelism() : workers;
    return { min: fixed, max: fixed };
  });

export const trustedProxiesSection = z.array(z.string().min(1));

export const compressionSection = z.strictObject({
  minBytes: size({ max: '1gb' }).prefault('1kb').describe('Answers below this size are sent as they are.'),
});

export const shutdownSection = z
  .strictObject({
    drainTimeout: duration({ max: '1h' })
      .prefault('30s')
      .describe('How long running requests may take to finish after a stop is asked for; then connections are cut.'),
    delay: duration({ max: '5m' })
      .prefault(0)
      .describe('How long to go on taking requests while /readyz already says no: time for a load balancer to notice.'),
  })
  .transform(({ drainTimeout, delay }) => ({ drainTimeoutMs: drainTimeout, delayMs: delay }));
