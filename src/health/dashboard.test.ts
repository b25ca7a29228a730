import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { generate, generatedFile } from '../../dashboard/build.ts';
import { DASHBOARD_FILES } from './dashboard.generated.ts';

test('the generated dashboard is made of the sources as they are: run npm run build:dashboard when not', async () => {
  assert.ok(readFileSync(generatedFile, 'utf8') === (await generate()), 'dashboard.generated.ts is not current');
});

test('all of the dashboard is at most 150 kB gzipped', () => {
  const bytes = Object.values(DASHBOARD_FILES).reduce((sum, text) => sum + gzipSync(text).length, 0);
  assert.ok(bytes <= 150_000, `${bytes} bytes`);
});

test('the dashboard asks nothing of other hosts', () => {
  for (const [name, text] of Object.entries(DASHBOARD_FILES)) {
    const hosts = [...text.matchAll(/https?:\/\/[\w.-]+/g)].map(([url]) => url).filter((url) => !url.endsWith('www.w3.org'));
    assert.deepEqual(hosts, [], name);
  }
});
