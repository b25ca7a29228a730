import { createReadStream, existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import { SpillwayError } from '../kernel/index.ts';
import type { CliContext } from './context.ts';

/** A sitemap's index may name sitemaps, which name pages; anything deeper is a loop. */
const MAX_DEPTH = 2;

/** Longest line or address that is waited for; what is longer is no list of pages. */
const MAX_PIECE_CHARS = 65_536;

/**
 * Paths from a file or an address: a path a line, or a sitemap, whose index is followed. Streams; lines that begin with
 * `#` are left out.
 * @throws SpillwayError `SPILLWAY_USAGE` when there is no such file, `SPILLWAY_UNREACHABLE` when nothing answers.
 */
export async function* readPaths(context: CliContext, from: string, depth = 0): AsyncGenerator<string> {
  let read: ((text: string) => string[]) | undefined;
  let isIndex = false;
  let rest = '';
  for await (const chunk of await open(context, from)) {
    rest += chunk as string;
    read ??= rest.trimStart().startsWith('<') ? readLocations : readLines;
    isIndex ||= read === readLocations && rest.includes('<sitemapindex');
    const closing = read === readLocations ? '</loc>' : '\n';
    const end = rest.lastIndexOf(closing);
    if (end === -1 && rest.length > MAX_PIECE_CHARS)
      throw new SpillwayError('SPILLWAY_USAGE', `'${from}' is neither a sitemap nor a list with a path a line.`);
    if (end === -1) continue;
    const found = read(rest.slice(0, end + closing.length));
    rest = rest.slice(end + closing.length);
    yield* isIndex ? followed(context, found, depth) : found;
  }
  if (read === readLines) yield* readLines(rest);
}

async function* followed(context: CliContext, sitemaps: readonly string[], depth: number): AsyncGenerator<string> {
  if (depth < MAX_DEPTH) for (const sitemap of sitemaps) yield* readPaths(context, sitemap, depth + 1);
}

function readLines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

function readLocations(text: string): string[] {
  return [...text.matchAll(/<loc>\s*([^<]+?)\s*<\/loc>/g)].map((match) => unescapeXml(match[1]!));
}

async function open(context: CliContext, from: string): Promise<Readable> {
  if (!/^https?:/.test(from)) {
    const path = resolve(context.cwd, from);
    if (!existsSync(path)) throw new SpillwayError('SPILLWAY_USAGE', `There is no file '${from}'.`);
    return createReadStream(path, 'utf8');
  }
  const answer = await context.fetch(from, { signal: context.stop }).catch((error: unknown) => {
    throw new SpillwayError('SPILLWAY_UNREACHABLE', `Nothing answers on ${from}.`, { cause: error });
  });
  if (!answer.ok || !answer.body) throw new SpillwayError('SPILLWAY_REQUEST_FAILED', `${from} answered ${answer.status}.`);
  return Readable.fromWeb(answer.body as Parameters<typeof Readable.fromWeb>[0]).setEncoding('utf8');
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: `'` };

function unescapeXml(text: string): string {
  return text.replaceAll(/&(\w+);/g, (whole, name: string) => ENTITIES[name] ?? whole);
}
