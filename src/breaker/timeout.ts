import { z } from 'zod';
import { duration, parseOptions, runtimeFrom, SpillwayError, type Runtime } from '../kernel/index.ts';
import { childController, type Policy } from './policy.ts';

export const timeoutOptions = z.strictObject({
  after: duration({ min: '1ms' }).describe('How long a call may take.'),
});

export type TimeoutOptions = z.input<typeof timeoutOptions>;

/**
 * Gives calls up after a time: their signal aborts, and the caller gets SPILLWAY_TIMEOUT at once, whether the work heeds
 * the signal or not.
 * @throws ConfigError when options are wrong.
 */
export function createTimeout(options: TimeoutOptions, runtime: Partial<Runtime> = {}): Policy {
  const { after: afterMs } = parseOptions(timeoutOptions, options, 'createTimeout(options)');
  const { clock } = runtimeFrom(runtime);
  return {
    execute: (call, given) => {
      const { controller, end } = childController(given?.signal);
      return new Promise((resolve, reject) => {
        const timer = clock.setTimer(() => {
          const error = new SpillwayError('SPILLWAY_TIMEOUT', `The call took longer than ${afterMs} ms.`);
          controller.abort(error);
          reject(error);
        }, afterMs);
        controller.signal.addEventListener('abort', () => reject(controller.signal.reason as Error), { once: true });
        (async () => call(controller.signal))()
          .then(resolve, reject)
          .finally(() => {
            timer.cancel();
            end();
          });
      });
    },
  };
}
