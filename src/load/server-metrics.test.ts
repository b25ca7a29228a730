import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { systemClock } from '../kernel/index.ts';
import { MetricsReader, parseMetrics } from './server-metrics.ts';

test('reads Prometheus text', () => {
  const readings = parseMetrics(
    '# HELP a A.\n# TYPE a counter\na_total{class="x, y",path="/\\"q\\""} 3 1700000000\na_total 4.5e2\nb +Inf\nbroken{ 1\nc NaN\n# EOF\n',
  );
  assert.deepEqual(readings.get('a_total'), [
    { labels: { class: 'x, y', path: '/\\"q\\"' }, value: 3 },
    { labels: {}, value: 450 },
  ]);
  assert.deepEqual(readings.get('b'), [{ labels: {}, value: Infinity }]);
  assert.equal(readings.get('c'), undefined);
});

test('figures are of what happened between two readings; counters that began anew are left out', async () => {
  const texts = [
    'spillway_page_requests_total{result="hit"} 90\nspillway_page_requests_total{result="miss"} 10\nspillway_page_requests_total{result="bypass"} 500\nnodejs_eventloop_utilization_ratio{w="1"} 0.2\nnodejs_eventloop_utilization_ratio{w="2"} 0.7\n',
    'spillway_page_requests_total{result="hit"} 140\nspillway_page_requests_total{result="miss"} 60\nspillway_page_requests_total{result="bypass"} 900\nnodejs_eventloop_utilization_ratio 0.5\n',
    'spillway_page_requests_total{result="hit"} 1\n',
  ];
  let nth = 0;
  const server = createServer((_request, response) => {
    if (nth >= texts.length) response.statusCode = 500;
    response.end(texts[nth++] ?? '');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const fire: (() => void)[] = [];
  const clock = {
    ...systemClock,
    monotonic: () => nth * 1000,
    setTimer: (fn: () => void) => (fire.push(fn), { cancel: () => {} }),
  };
  const reader = new MetricsReader(`http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`, clock as never);
  reader.start(0);
  for (let reading = 0; reading < 4; reading++) {
    const before = fire.length;
    fire.at(-1)!();
    while (fire.length === before) await new Promise((resolve) => setImmediate(resolve));
  }
  server.close();
  const { figures, failures } = reader.stop();
  assert.deepEqual(
    figures.map(({ name }) => name),
    ['Event loop busy', 'Page hit ratio'],
  );
  assert.deepEqual(figures[0]!.values, [70, 50, null]);
  assert.deepEqual(figures[1]!.values, [null, 50, null]);
  assert.equal(failures, 1);
});
