/** Prometheus' own tool reads what we write. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { eventually, programPath } from '../servers/index.ts';
import { startLiveService } from '../browser/live-service.ts';

function check(text: string): { readonly status: number | null; readonly output: string } {
  const { status, stdout, stderr } = spawnSync(programPath('promtool'), ['check', 'metrics'], { input: text, encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

test('promtool check metrics finds nothing wrong with a scrape of everything', async (t) => {
  const service = await startLiveService();
  t.after(() => service.stop());
  await eventually('requests were counted', () => service.counted() > 100);
  const text = await (await fetch(`${service.url}/metrics`)).text();
  assert.match(text, /spillway_http_request_duration_seconds_bucket\{class="critical",le="\+Inf"\} [1-9]/);
  assert.deepEqual(check(text), { status: 0, output: '' });
});

test('promtool would complain about a counter without _total', () => {
  assert.notEqual(check('# HELP a_thing A thing.\n# TYPE a_thing counter\na_thing 1\n').status, 0);
});
