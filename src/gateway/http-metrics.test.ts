import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Metrics } from '../kernel/index.ts';
import type { RoutePolicy } from '../policy/index.ts';
import { HttpMetrics } from './http-metrics.ts';

test('an answer counts for its class and status, a 504 as a timeout too, its time for the class and for route and method', () => {
  const metrics = new Metrics();
  const http = new HttpMetrics(metrics);
  const city = http.ofRoute({ className: 'high', pattern: '/plans/:city' } as RoutePolicy);
  const api = http.ofRoute({ className: 'high', pattern: '/api/**' } as RoutePolicy);
  city.answered('GET', 200, 12);
  city.answered('GET', 504, 3000);
  api.answered('POST', 201, 40);

  const seriesOf = (name: string) => metrics.snapshot().families.find((family) => family.name === name)!.series;
  const counted = (name: string) =>
    seriesOf(name).flatMap(({ labels, value }) => (value! > 0 ? [[Object.values(labels).join(' '), value]] : []));
  assert.deepEqual(counted('spillway_http_requests'), [
    ['high 2xx', 2],
    ['high 5xx', 1],
  ]);
  assert.deepEqual(counted('spillway_http_timeouts'), [['high', 1]]);
  assert.deepEqual(
    seriesOf('spillway_http_route_duration_seconds').map(({ labels, timing }) => [labels, timing!.count]),
    [
      [{ route: '/plans/:city', method: 'GET' }, 2],
      [{ route: '/api/**', method: 'POST' }, 1],
    ],
  );
  assert.equal(seriesOf('spillway_http_request_duration_seconds')[0]!.timing!.count, 3);
});
