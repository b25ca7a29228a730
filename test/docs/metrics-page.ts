import { createBreaker, createBulkhead, createThrottle } from '../../src/breaker/index.ts';
import { createCache } from '../../src/cache/index.ts';
import { createCluster } from '../../src/cluster/index.ts';
import { MemoryCounterStore } from '../../src/drivers/memory-counter-store.ts';
import { MemoryKvStore } from '../../src/drivers/memory-kv-store.ts';
import { exposedName } from '../../src/health/exposed-name.ts';
import { createRecorder, measureProcess } from '../../src/health/index.ts';
import { Metrics, runtimeFrom, type FamilySnapshot } from '../../src/kernel/index.ts';
import { createConcurrencyLimiter, createLimiter } from '../../src/limit/index.ts';
import { createPolicy } from '../../src/policy/index.ts';
import { createAdaptiveConcurrency } from '../../src/shed/index.ts';
import { createSpillway } from '../../src/spillway.ts';

/** Every metric that a Spillway with all its rooms counts. Nothing listens and nothing runs. */
export async function everyMetric(): Promise<FamilySnapshot[]> {
  const runtime = runtimeFrom({ metrics: new Metrics() });
  const policy = createPolicy({
    upstreams: { site: { endpoints: ['http://127.0.0.1:9'] } },
    routes: { '/**': { class: 'normal', limit: [{ limit: 10, window: '1m' }] } },
  });
  const spillway = createSpillway(policy, {}, runtime);
  const cache = createCache({ rules: [{ prefix: 'user:', ttl: '1m' }] }, runtime);
  createCluster({ entry: { file: 'none' }, workers: 1 }, runtime);
  createRecorder({}, runtime);
  createBreaker({ name: 'database' }, runtime);
  createBulkhead({ name: 'database', concurrent: 1 }, runtime);
  createThrottle({ name: 'database' }, runtime);
  createAdaptiveConcurrency({}, runtime);
  const counts = new MemoryCounterStore({}, runtime);
  const limiter = createLimiter({ limit: 1, window: '1s', store: counts.connect() }, runtime);
  const permits = createConcurrencyLimiter({ limit: 1 }, runtime);
  const shared = new MemoryKvStore({}, runtime).connect();
  const measured = measureProcess(runtime);
  const { families } = runtime.metrics.snapshot();
  measured.stop();
  limiter.close();
  permits.close();
  await shared.close();
  await cache.close();
  await spillway.stop();
  return [...families, ...whatOverflows()].toSorted((a, b) => (exposedName(a) < exposedName(b) ? -1 : 1));
}

/** What a registry counts only once a family has more series than it may. */
function whatOverflows(): FamilySnapshot[] {
  const metrics = new Metrics(1);
  const family = metrics.counter({ name: 'any', help: 'Any.', labels: ['label'] });
  for (const label of ['one', 'two']) family.series({ label });
  return metrics.snapshot().families.filter(({ name }) => name !== 'any');
}

/** docs/reference/metrics.md */
export async function metricsPage(made: string): Promise<string> {
  const rows = (await everyMetric()).map((family) => {
    const type = family.kind === 'timing' ? 'histogram' : family.kind;
    const name = `${exposedName(family)}${type === 'counter' ? '_total' : ''}`;
    const labels = [...(family.labels ?? []), ...(type === 'gauge' && family.across === 'each' ? ['worker'] : [])];
    return `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(' ')} | ${family.help} |`;
  });
  return `# Metrics

${made}

What \`/metrics\` on the admin address exposes, as Prometheus reads it: all workers added up, gauges with a \`worker\` label kept
apart. Times are in seconds. [How they are watched](../rooms/health.md).

| metric | type | labels | what it counts |
| --- | --- | --- | --- |
${rows.join('\n')}
`;
}
