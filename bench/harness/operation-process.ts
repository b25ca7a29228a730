/** The process in which one operation contender lives: prepares it, then works a slice whenever the parent says so. */
import { pathToFileURL } from 'node:url';
import type { Bench, Operation } from './bench.ts';
import type { Slice } from './slice.ts';

const [file, contenderName] = process.argv.slice(2) as [string, string];
const bench = ((await import(pathToFileURL(file).href)) as { default: Bench }).default;
const contender = bench.contenders[contenderName];
if (contender?.kind !== 'operation') throw new Error(`${contenderName} is no operation contender of ${file}`);
const operation = await contender.prepare();

const sliceMs = bench.sliceMs ?? 1000;
let batch = 1;

process.on('message', (message: 'work' | 'end') => {
  if (message === 'end') void finish();
  else void work(operation).then((slice) => process.send!(slice));
});
await warmUp();
process.send!('ready');

/** Grows the batch until one takes about a hundredth of a slice, which also lets the compiler do its work. */
async function warmUp(): Promise<void> {
  for (let spentMs = 0; spentMs < sliceMs;) {
    const start = performance.now();
    await operation.run(batch);
    const tookMs = performance.now() - start;
    spentMs += tookMs;
    if (tookMs < sliceMs / 100) batch = Math.min(batch * 2, 1_000_000);
  }
}

async function work(current: Operation): Promise<Slice> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  let operations = 0;
  while (performance.now() - start < sliceMs) {
    await current.run(batch);
    operations += batch;
  }
  const used = process.cpuUsage(cpu);
  return {
    operations,
    cpuMs: (used.user + used.system) / 1000,
    wallMs: performance.now() - start,
    figures: current.figures?.() ?? {},
  };
}

async function finish(): Promise<void> {
  await operation.close?.();
  process.exit(0);
}
