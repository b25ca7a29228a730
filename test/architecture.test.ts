/** Holds the source to the import table of ARCHITECTURE.md, and to the kernel's monopoly on time and chance. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';

const root = resolve(import.meta.dirname, '..');
const files = globSync('src/**/*.ts', { cwd: root }).toSorted();
const production = files.filter((file) => !file.endsWith('.test.ts'));

/** `src/cache/tags.ts` → `cache`; `src/spillway.ts` → `spillway.ts`. */
function roomOf(file: string): string {
  return relative('src', file).split('/')[0]!;
}

function importsOf(file: string): string[] {
  const code = readFileSync(join(root, file), 'utf8');
  const specifiers = [
    ...code.matchAll(/^\s*(?:import|export)\s(?:[^'"]*?\sfrom\s)?['"]([^'"]+)['"]/gm),
    ...code.matchAll(/\bimport\(\s*['"]([^'"]+)['"]\s*\)/g),
  ];
  return specifiers
    .map((match) => match[1]!)
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => relative(root, resolve(root, dirname(file), specifier)));
}

function tableOfEdges(): Map<string, string[]> {
  const rows = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8').matchAll(/^\| ([\w.-]+) \| ([^|]*)\|$/gm);
  const table = new Map(
    [...rows].map((row) => [
      row[1]!,
      row[2]!
        .split(',')
        .map((name) => name.trim())
        .filter(Boolean),
    ]),
  );
  table.delete('room');
  return table;
}

/** Every import between rooms that the table does not allow, and every one that passes a room's front door by. */
function forbiddenEdges(edges: Iterable<readonly [from: string, to: string]>, table: Map<string, string[]>): string[] {
  const complaints: string[] = [];
  for (const [from, to] of edges) {
    const [fromRoom, toRoom] = [roomOf(from), roomOf(to)];
    if (fromRoom === toRoom) continue;
    if (!table.get(fromRoom)?.includes(toRoom))
      complaints.push(`${from} imports ${to}: '${fromRoom} → ${toRoom}' is not in ARCHITECTURE.md's table`);
    else if (!toRoom.endsWith('.ts') && toRoom !== 'drivers' && to !== join('src', toRoom, 'index.ts'))
      complaints.push(`${from} imports ${to}: enter a room by its index.ts`);
  }
  return complaints;
}

function findCycle(graph: Map<string, string[]>): string[] | undefined {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): string[] | undefined => {
    if (done.has(file)) return undefined;
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    path.push(file);
    for (const next of graph.get(file) ?? []) {
      const cycle = visit(next);
      if (cycle) return cycle;
    }
    path.pop();
    done.add(file);
    return undefined;
  };
  for (const file of graph.keys()) {
    const cycle = visit(file);
    if (cycle) return cycle;
  }
  return undefined;
}

const graph = new Map(production.map((file) => [file, importsOf(file)]));

test('rooms import only what the table allows, through the front door', () => {
  const edges = [...graph].flatMap(([from, targets]) => targets.map((to) => [from, to] as const));
  assert.deepEqual(forbiddenEdges(edges, tableOfEdges()), []);
});

test('the table names each room once, and no room that does not exist', () => {
  const rooms = new Set(production.map(roomOf));
  for (const room of rooms) assert.ok(tableOfEdges().has(room), `${room} is missing from ARCHITECTURE.md's table`);
});

test('no cycle between files', () => {
  assert.equal(findCycle(graph)?.join(' → '), undefined);
});

test('time and chance come in through the kernel', () => {
  const forbidden = /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|(?<![.\w])(?:setTimeout|setInterval)\(|performance\.now\(/;
  const kernel = new Set(['src/kernel/clock.ts', 'src/kernel/random.ts']);
  // What runs in a browser has no kernel: it is shipped as it is.
  const offenders = production.filter(
    (file) =>
      !kernel.has(file) &&
      !file.includes('/client/') &&
      !file.endsWith('.generated.ts') &&
      forbidden.test(withoutComments(readFileSync(join(root, file), 'utf8'))),
  );
  assert.deepEqual(offenders, []);
});

test('each room has a README and an index of named exports', () => {
  for (const room of new Set(production.map(roomOf))) {
    if (room.endsWith('.ts') || room === 'cli' || room === 'drivers' || room === 'adapters') continue;
    const index = readFileSync(join(root, 'src', room, 'index.ts'), 'utf8');
    assert.doesNotMatch(
      index,
      /export \*|export default|^(?:const|function|class|let) /m,
      `src/${room}/index.ts holds more than named exports`,
    );
    assert.ok(globSync(`src/${room}/README.md`, { cwd: root }).length === 1, `src/${room}/README.md is missing`);
  }
});

test('the checks of this file can fail', () => {
  const table = new Map([['cache', ['kernel']]]);
  assert.equal(forbiddenEdges([['src/cache/a.ts', 'src/page/index.ts']], table).length, 1);
  assert.equal(forbiddenEdges([['src/cache/a.ts', 'src/kernel/clock.ts']], table).length, 1);
  assert.equal(forbiddenEdges([['src/cache/a.ts', 'src/kernel/index.ts']], table).length, 0);
  assert.deepEqual(
    findCycle(
      new Map([
        ['a', ['b']],
        ['b', ['a']],
      ]),
    ),
    ['a', 'b', 'a'],
  );
});

function withoutComments(code: string): string {
  return code.replaceAll(/\/\*[\s\S]*?\*\/|(?<!:)\/\/.*$/gm, '');
}
