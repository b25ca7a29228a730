/** A process of the load generator: takes its plan from the primary, runs its share, and sends what it measured. */
import { messageOf, systemClock } from '../kernel/index.ts';
import type { LoadDefinition } from './definition.ts';
import { Generator } from './generator.ts';
import { sampleProgress } from './progress.ts';
import type { FromWorker, ToWorker, WorkerPlan } from './worker-share.ts';

const PROGRESS_MS = 500;

let generator: Generator | undefined;
let plan: WorkerPlan | undefined;

process.on(
  'message',
  (message: ToWorker) => void hear(message).catch((error: unknown) => tell({ type: 'failed', message: messageOf(error) })),
);
// Without a primary nobody hears the result.
process.on('disconnect', () => process.exit(1));
// A terminal's Ctrl-C reaches the whole group; the primary decides how the run ends.
process.on('SIGINT', () => {});

function tell(message: FromWorker): void {
  process.send?.(message);
}

async function hear(message: ToWorker): Promise<void> {
  if (message.type === 'plan') {
    plan = message.plan;
    const definition = await definitionOf(plan);
    generator = new Generator({ definition, options: plan.options, endpoint: plan.endpoint }, plan.turn, { clock: systemClock });
    await generator.prepare();
    tell({ type: 'ready' });
  } else if (message.type === 'start') await run(generator!, message.atNs, message.data);
  else generator?.stop();
}

async function definitionOf({ file, target, arrival, headers, scenarios, sockets }: WorkerPlan): Promise<LoadDefinition> {
  const own = file === undefined ? undefined : ((await import(file)) as { default: LoadDefinition }).default;
  return {
    ...own,
    target,
    arrival,
    ...(headers === undefined ? {} : { headers }),
    ...(scenarios === undefined ? {} : { scenarios }),
    ...(sockets === undefined ? {} : { sockets }),
  };
}

async function run(generator: Generator, atNs: bigint, data: unknown): Promise<void> {
  const startMs = systemClock.monotonic() + Number(atNs - process.hrtime.bigint()) / 1e6;
  const cpuBefore = process.cpuUsage();
  const reporting = systemClock.setRepeating(() => {
    const progress = sampleProgress(generator.measurement, systemClock.monotonic() - startMs);
    const measurement = plan!.reportsMeasurements ? generator.measurement.toJSON({ timeline: false }) : undefined;
    tell({ type: 'progress', progress, measurement });
  }, PROGRESS_MS);
  const use = await generator.run(startMs, data);
  reporting.cancel();
  const cpu = process.cpuUsage(cpuBefore);
  tell({ type: 'done', measurement: generator.measurement.toJSON(), use, cpuMs: (cpu.user + cpu.system) / 1000 });
}
