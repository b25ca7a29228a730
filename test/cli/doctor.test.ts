import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { examineNode, type Finding } from '../../src/cli/examination.ts';
import { freePort, redisCli, startPostgres, startRedis } from '../servers/index.ts';
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

test('everything is fine on real servers', async () => {
  const [redis, postgres] = await Promise.all([startRedis(), startPostgres()]);
  await using site = await serve((_, response) => void response.end());
  try {
    const [port, adminPort] = [await freePort(), await freePort()];
    const { code, findings } = await doctor({
      listen: { port },
      admin: { port: adminPort },
      upstreams: { site: { endpoints: [site.url] } },
      redis: redis.url,
      database: postgres.url,
    });
    assert.equal(code, 0, JSON.stringify(findings));
    assert.deepEqual(
      findings.map(({ state, subject }) => `${subject} ${state}`),
      ['Node fine', 'config fine', 'upstream site fine', 'Redis fine', 'database fine', 'site port fine', 'admin port fine'],
    );
    assert.match(finding(findings, 'Redis').message, /answers, version \d/);
    assert.match(finding(findings, 'database').message, /answers, PostgreSQL \d/);
  } finally {
    await Promise.all([redis.stop(), postgres.stop()]);
  }
});

test('what does not answer is a problem with a remedy', async () => {
  const [a, b, c] = [await freePort(), await freePort(), await freePort()];
  const { code, findings } = await doctor({
    upstreams: { site: { endpoints: [`http://127.0.0.1:${a}`] } },
    redis: `redis://shop:secret@127.0.0.1:${b}`,
    database: `postgres://shop:secret@127.0.0.1:${c}/shop`,
    listen: { port: 0 },
    admin: { port: 0 },
  });
  assert.equal(code, 1);
  for (const [subject, fix] of [
    ['upstream site', 'start the service, or correct upstreams.site.endpoints'],
    ['Redis', 'start Redis, or correct `redis`'],
    ['database', 'start PostgreSQL, or correct `database`'],
  ] as const) {
    const { state, message, ...rest } = finding(findings, subject);
    assert.equal(state, 'problem');
    assert.match(message, /ECONNREFUSED/);
    assert.equal(rest.fix, fix);
  }
  assert.doesNotMatch(JSON.stringify(findings), /secret/);
});

test('a wrong password and a missing database are told as such', async () => {
  const [redis, postgres] = await Promise.all([startRedis(), startPostgres()]);
  try {
    redisCli(redis.port, ['CONFIG', 'SET', 'requirepass', 'right']);
    const { findings } = await doctor({
      redis: redis.url.replace('//', '//default:wrong@'),
      database: postgres.url.replace(/\/postgres$/, '/nowhere'),
      listen: { port: 0 },
      admin: { port: 0 },
    });
    assert.equal(finding(findings, 'Redis').fix, 'correct user and password in `redis`');
    assert.equal(finding(findings, 'database').fix, 'create the database, or correct its name in `database`');
  } finally {
    await Promise.all([redis.stop(), postgres.stop()]);
  }
});

test('a frozen Redis is a problem, not a wait', async () => {
  const redis = await startRedis();
  try {
    redis.process.freeze();
    const { findings } = await doctor({ redis: redis.url, listen: { port: 0 }, admin: { port: 0 } });
    assert.match(finding(findings, 'Redis').message, /no answer within 3000 ms|timeout/i);
  } finally {
    redis.process.thaw();
    await redis.stop();
  }
});

test('a taken port is told, unless Spillway itself has it', async () => {
  await using other = await serve((_, response) => void response.end());
  await using admin = await serve((_, response) => void response.end('{"status":"healthy"}'));
  const stranger = await doctor({ listen: { port: other.port }, admin: { port: 0 } });
  assert.equal(stranger.code, 1);
  assert.deepEqual(finding(stranger.findings, 'site port'), {
    state: 'problem',
    subject: 'site port',
    message: `127.0.0.1:${other.port} is taken by another program`,
    fix: 'stop it, or choose another listen.port',
  });
  const own = await doctor({ listen: { port: other.port }, admin: { port: admin.port } });
  assert.deepEqual(
    [own.code, finding(own.findings, 'site port').state, finding(own.findings, 'admin port').state],
    [0, 'fine', 'fine'],
  );
});

test('a planned page that no route matches is a problem', async () => {
  const plan = (paths: string) =>
    `const rows = async function* () { yield* ${paths}.map((path) => ({ path })); };
     const plan = { rows, [Symbol.asyncIterator]: rows, json() {}, sitemap() {}, warmList() {} };
     export default { listen: { port: 0 }, admin: { port: 0 }, routes: { '/a/:x': {} }, routePlan: () => plan };`;
  const examined = async (name: string, text: string): Promise<Finding> => {
    writeFileSync(join(folder, name), text);
    const { stdout } = await runInProcess(['doctor', '--json', '--config', name], { cwd: folder, fetch });
    return finding(JSON.parse(stdout) as Finding[], 'route plan');
  };
  assert.deepEqual(await examined('whole.mjs', plan(`['/a/1', '/a/2']`)), {
    state: 'fine',
    subject: 'route plan',
    message: '2 pages, each with a route',
  });
  assert.match((await examined('gap.mjs', plan(`['/a/1', '/b/2']`))).message, /^\/b\/2 is planned, and no route matches it$/);
  assert.match(
    (await examined('none.mjs', `export default { routePlan: './nowhere.mjs', admin: { port: 0 } };`)).message,
    /gave no plan/,
  );
});

test('a wrong config is a problem, and nothing else is looked at', async () => {
  const { code, findings } = await doctor({ listen: { port: -1 } });
  assert.equal(code, 1);
  assert.deepEqual(
    findings.map(({ subject, state }) => [subject, state]),
    [
      ['Node', 'fine'],
      ['config', 'problem'],
    ],
  );
});

test('an old Node is a problem', () => {
  assert.equal(examineNode('20.19.0').state, 'problem');
  assert.equal(examineNode('22.17.9').state, 'problem');
  for (const version of ['22.18.0', '24.0.0', '26.1.0']) assert.equal(examineNode(version).state, 'fine', version);
});
