import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { examineNode, type Finding } from '../../src/cli/examination.ts';
import { startPostgres, startRedis } from '../servers/index.ts';
import { runInProcess } from './run-cli.ts';
import { serve } from './site.ts';

const folder = mkdtempSync(join(tmpdir(), 'spillway-doctor-'));
after(() => rmSync(folder, { recursive: true }));

async function doctor(config: object): Promise<{ code: number; findings: Finding[] }> {
  writeFileSync(join(folder, 'spillway.config.json'), JSON.stringify(config));
  const { code, stdout } = await runInProcess(['doctor', '--json'], { cwd: folder, fetch });
  return { code, findings: JSON.parse(stdout) as Finding[] };
}

function finding(findings: readonly Finding[], subject: string): Finding {
  return findings.find((one) => one.subject === subject)!;
}
