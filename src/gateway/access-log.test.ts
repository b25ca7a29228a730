import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedClock } from '../kernel/index.ts';
import type { RoutePolicy } from '../policy/index.ts';
import { createAccessLog } from './access-log.ts';
import type { CompletedRequest } from './completed-request.ts';

const completed: CompletedRequest = {
  exchange: undefined,
  requestId: undefined,
  traceparent: undefined,
  route: { className: 'high', pattern: '/plans/**' } as RoutePolicy,
  method: 'GET',
  authority: 'example.com',
  target: '/plans/dallas?a=b',
  clientIp: '192.0.2.1',
  userAgent: 'curl/8 "quoted"\n192.0.2.9 - - forged',
  referer: undefined,
  status: 200,
  bytes: 1234,
  durationMs: 1.23456,
  aborted: false,
};

function linesOf(format: 'json' | 'common'): string[] {
  const lines: string[] = [];
  const clock = new SimulatedClock(Date.UTC(2026, 0, 31, 23, 59, 58));
  const log = createAccessLog({ format, file: undefined }, { clock }, { write: (line) => lines.push(line) });
  log.record(completed);
  log.record({ ...completed, status: 499, aborted: true });
  log.close();
  assert.equal(clock.pendingTimers, 0);
  return lines;
}

test('json: an object a line', () => {
  const [first, second] = linesOf('json').map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(first, {
    level: 'info',
    time: '2026-01-31T23:59:58.000Z',
    client: '192.0.2.1',
    method: 'GET',
    host: 'example.com',
    target: '/plans/dallas?a=b',
    status: 200,
    bytes: 1234,
    durationMs: 1.235,
    class: 'high',
    route: '/plans/**',
    userAgent: completed.userAgent,
    fast: true,
  });
  assert.equal(second!['aborted'], true);
});

test('common: one line a request, whatever a client sends', () => {
  const [first] = linesOf('common');
  assert.equal(
    first,
    '192.0.2.1 - - [31/Jan/2026:23:59:58 +0000] "GET /plans/dallas?a=b HTTP/1.1" 200 1234 "-" "curl/8 \\x22quoted\\x22\\x0a192.0.2.9 - - forged"\n',
  );
});
