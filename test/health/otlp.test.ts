/** What an OpenTelemetry collector receives. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createHealth, createOtlpExport } from '../../src/health/index.ts';
import { Metrics } from '../../src/kernel/index.ts';
import { eventually } from '../servers/index.ts';

interface Point {
  readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue: string } }[];
  readonly asDouble?: number;
  readonly count?: number;
  readonly bucketCounts?: readonly number[];
}
interface Metric {
  readonly name: string;
  readonly unit: string;
  readonly sum?: { readonly isMonotonic: boolean; readonly dataPoints: readonly Point[] };
  readonly gauge?: { readonly dataPoints: readonly Point[] };
  readonly histogram?: { readonly dataPoints: readonly Point[] };
}
interface Batch {
  readonly resourceMetrics: readonly {
    readonly resource: { readonly attributes: readonly unknown[] };
    readonly scopeMetrics: readonly { readonly metrics: readonly Metric[] }[];
  }[];
}

test('metrics arrive under the names of the semantic conventions; a collector that fails is told of', async (t) => {
  const batches: { token: string | undefined; body: Batch }[] = [];
  let status = 200;
  const collector = createServer((request, response) => {
    let text = '';
    request.on('data', (piece: Buffer) => (text += piece.toString()));
    request.on('end', () => {
      batches.push({ token: request.headers['x-token'] as string | undefined, body: JSON.parse(text) as Batch });
      response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
    });
  });
  collector.listen(0, '127.0.0.1');
  await eventually('the collector listens', () => collector.listening);
  t.after(() => collector.close());

  const metrics = new Metrics(1000, 'worker 0');
  metrics
    .timing({ name: 'spillway_http_route_duration_seconds', unit: 'seconds', help: 'h', labels: ['route', 'method'] })
    .series({ route: '/plans/:city', method: 'GET' })
    .observe(30);
  metrics
    .counter({ name: 'spillway_cache_hits', help: 'h', labels: ['tier'] })
    .series({ tier: 'memory' })
    .inc(7);
  metrics.gauge({ name: 'v8js_memory_heap_used', unit: 'bytes', help: 'h', across: 'each' }).series().set(5);
  const health = createHealth({ service: { name: 'shop', version: '3' }, sources: async () => [metrics.snapshot()] });
  const url = `http://127.0.0.1:${(collector.address() as AddressInfo).port}/v1/metrics`;
  const sending = await createOtlpExport(health, { url, headers: { 'x-token': 'secret' }, every: '1h' });
  await sending.send();

  const [{ token, body }] = batches as [(typeof batches)[0]];
  assert.equal(token, 'secret');
  const [{ resource, scopeMetrics }] = body.resourceMetrics as [Batch['resourceMetrics'][0]];
  assert.deepEqual(resource.attributes, [
    { key: 'service.name', value: { stringValue: 'shop' } },
    { key: 'service.version', value: { stringValue: '3' } },
  ]);
  const named = new Map(scopeMetrics[0]!.metrics.map((metric) => [metric.name, metric]));
  const duration = named.get('http.server.request.duration')!;
  assert.deepEqual([duration.unit, duration.histogram!.dataPoints[0]!.count], ['s', 1]);
  assert.equal(duration.histogram!.dataPoints[0]!.bucketCounts![3], 1);
  assert.deepEqual(duration.histogram!.dataPoints[0]!.attributes, [
    { key: 'http.route', value: { stringValue: '/plans/:city' } },
    { key: 'http.request.method', value: { stringValue: 'GET' } },
  ]);
  const hits = named.get('spillway.cache.hits')!;
  assert.deepEqual([hits.sum!.isMonotonic, hits.sum!.dataPoints[0]!.asDouble], [true, 7]);
  const heap = named.get('v8js.memory.heap.used')!;
  assert.deepEqual([heap.unit, heap.gauge!.dataPoints[0]!.asDouble], ['By', 5]);
  assert.deepEqual(heap.gauge!.dataPoints[0]!.attributes, [{ key: 'spillway.worker', value: { stringValue: 'worker 0' } }]);

  status = 400;
  const failures: unknown[] = [];
  sending.events.on('failed', ({ error }) => failures.push(error));
  await sending.stop();
  assert.equal(failures.length, 1);
});
