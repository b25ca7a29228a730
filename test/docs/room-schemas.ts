import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';

const root = resolve(import.meta.dirname, '../..');

/** The options of one `create…` function. */
export interface RoomSchema {
  readonly room: string;
  /** `createCache(options)` */
  readonly call: string;
  readonly schema: z.ZodType;
}

/** Every schema that a room parses its options with, found by its call of `parseOptions`. */
export async function roomSchemas(): Promise<RoomSchema[]> {
  const found = new Map<string, RoomSchema>();
  const files = globSync('src/*/*.ts', { cwd: root }).filter((file) => !file.includes('.test.') && !file.includes('/kernel/'));
  for (const file of files.toSorted()) {
    const code = readFileSync(join(root, file), 'utf8');
    for (const [, name, call] of code.matchAll(/\bparseOptions\(\s*(\w+),[^;]*?'([\w.]+\(options\))'/g)) {
      const room = file.split('/')[1]!;
      if (!found.has(call!)) found.set(call!, { room, call: call!, schema: await schemaNamed(name!, room) });
    }
  }
  return [...found.values()].toSorted((a, b) => (a.room < b.room ? -1 : a.room > b.room ? 1 : a.call < b.call ? -1 : 1));
}

async function schemaNamed(name: string, room: string): Promise<z.ZodType> {
  for (const file of globSync(`src/${room}/*.ts`, { cwd: root }).filter((path) => !path.includes('.test.'))) {
    if (!new RegExp(`^export const ${name}\\b`, 'm').test(readFileSync(join(root, file), 'utf8'))) continue;
    const module = (await import(pathToFileURL(join(root, file)).href)) as Record<string, unknown>;
    if (module[name] instanceof z.ZodType) return module[name];
  }
  throw new Error(`${room}: the schema ${name} is exported by no file of the room, so its options cannot be documented`);
}
