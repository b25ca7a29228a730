import { runtimeFrom } from '../kernel/index.ts';
import type { SetupContext } from './definition.ts';
import { openHttp, type GeneratorRuntime, type Plan } from './generator.ts';
import { Lanes } from './lanes.ts';
import { Measurement } from './measurement.ts';
import { Player } from './player.ts';
import { Timeline } from './timeline.ts';

/** Lets `use` send requests that count in no figure: for setup and teardown. */
export async function withSession<Result>(
  plan: Plan,
  runtime: Partial<GeneratorRuntime>,
  use: (session: SetupContext) => Promise<Result> | Result,
): Promise<Result> {
  const { clock } = runtimeFrom(runtime);
  const measurement = new Measurement(new Timeline(0));
  const lanes = new Lanes({
    transport: runtime.openTransport?.(plan, 4) ?? openHttp(plan, 4, clock),
    measurement,
    clock,
    startMs: clock.monotonic(),
    timeoutMs: plan.options.timeout,
    maxWaiting: 1000,
  });
  const { keepAlive, seed } = plan.options;
  const { signal } = new AbortController();
  const player = new Player({ definition: plan.definition, lanes, measurement, clock, keepAlive, seed, data: undefined, signal });
  try {
    await lanes.transport.open();
    return await use({ request: (method, path, options) => player.request(method, path, options) });
  } finally {
    lanes.close();
  }
}
