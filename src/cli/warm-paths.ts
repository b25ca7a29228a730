import { messageOf, SpillwayError } from '../kernel/index.ts';
import type { CliContext } from './context.ts';

export interface WarmReport {
  /** Pages asked for. */
  readonly done: number;
  /** How many there are; undefined while nobody knows. */
  readonly total: number | undefined;
  /** Answered from the store. */
  readonly hits: number;
  /** Answered anew. */
  readonly stored: number;
  readonly failed: number;
  /** The first of them. */
  readonly failures: readonly { readonly path: string; readonly reason: string }[];
}

export interface WarmOptions {
  readonly paths: AsyncIterable<string> | readonly string[];
  readonly siteUrl: string;
  readonly limit: number;
  readonly concurrency: number;
}

const MAX_FAILURES_SHOWN = 10;
/** How long one page may take, ms. */
const PAGE_TIMEOUT_MS = 30_000;
/** How often a page is asked for while the site sheds load, and the longest wait it may ask for, ms. */
const MAX_ATTEMPTS = 4;
const MAX_PATIENCE_MS = 30_000;
/** So many failures without one success, and the site is taken to be down. */
const GIVE_UP_AFTER = 20;

/**
 * Asks the site for each path, `concurrency` at a time, in order. Ends early when the process is asked to stop.
 * @throws SpillwayError `SPILLWAY_UNREACHABLE` when the first requests cannot even connect.
 */
export async function warmPaths(
  context: CliContext,
  { paths, siteUrl, limit, concurrency }: WarmOptions,
  onProgress: (soFar: WarmReport) => void,
): Promise<WarmReport> {
  const counts = { done: 0, hits: 0, stored: 0, failed: 0 };
  const failures: { path: string; reason: string }[] = [];
  const total = Array.isArray(paths) ? Math.min(paths.length, limit) : undefined;
  const report = (): WarmReport => ({ ...counts, total, failures });
  const next = taker(paths, limit);
  const work = async (): Promise<void> => {
    for (let path = await next(); path !== undefined && !context.stop.aborted; path = await next()) {
      const outcome = await askFor(context, addressOf(path, siteUrl));
      if (context.stop.aborted) return;
      counts.done++;
      if (outcome === 'hit') counts.hits++;
      else if (outcome === 'stored') counts.stored++;
      else {
        counts.failed++;
        if (failures.length < MAX_FAILURES_SHOWN) failures.push({ path, reason: outcome.reason });
        if (outcome.noConnection && counts.failed >= Math.min(GIVE_UP_AFTER, concurrency) && counts.failed === counts.done)
          throw new SpillwayError(
            'SPILLWAY_UNREACHABLE',
            `Nothing answers on ${siteUrl} (${outcome.reason}). Is Spillway running?`,
          );
      }
      onProgress(report());
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  return report();
}

/** Hands out one path after another, at most `limit`, to whoever asks. */
function taker(paths: WarmOptions['paths'], limit: number): () => Promise<string | undefined> {
  const iterator = Symbol.asyncIterator in paths ? paths[Symbol.asyncIterator]() : paths[Symbol.iterator]();
  let left = limit;
  let turn: Promise<unknown> = Promise.resolve();
  return () => {
    const taken = turn.then(async () => {
      if (left-- <= 0) return undefined;
      const { done, value } = await iterator.next();
      return done ? undefined : value;
    });
    turn = taken.catch(() => {});
    return taken;
  };
}

/** A sitemap names whole addresses, perhaps of the public site: what counts is the path, asked of `siteUrl`. */
function addressOf(path: string, siteUrl: string): URL {
  const { pathname, search } = new URL(path, siteUrl);
  return new URL(pathname + search, siteUrl);
}

interface Failure {
  readonly reason: string;
  readonly noConnection: boolean;
  /** How long the site asks to wait; undefined: waiting does not help. */
  readonly retryAfterMs: number | undefined;
}

/** Asks for one page, and again when the site asks for patience: warming must not add to its load. */
async function askFor(context: CliContext, url: URL): Promise<'hit' | 'stored' | Failure> {
  for (let attempt = 1; ; attempt++) {
    const outcome = await askOnce(context, url);
    if (typeof outcome === 'string' || outcome.retryAfterMs === undefined || attempt === MAX_ATTEMPTS) return outcome;
    await context.runtime.clock.sleep(outcome.retryAfterMs, context.stop).catch(() => {});
    if (context.stop.aborted) return outcome;
  }
}

async function askOnce(context: CliContext, url: URL): Promise<'hit' | 'stored' | Failure> {
  const signal = AbortSignal.any([context.stop, AbortSignal.timeout(PAGE_TIMEOUT_MS)]);
  try {
    const answer = await context.fetch(url, { headers: { 'user-agent': 'spillway-warm' }, redirect: 'manual', signal });
    await answer.arrayBuffer();
    if (answer.status >= 400)
      return { reason: `answered ${answer.status}`, noConnection: false, retryAfterMs: patienceAskedFor(answer) };
    return /\bhit\b/.test(answer.headers.get('cache-status') ?? '') ? 'hit' : 'stored';
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : messageOf(error);
    return { reason: cause, noConnection: /ECONNREFUSED|ENOTFOUND|EHOSTUNREACH/.test(cause), retryAfterMs: undefined };
  }
}

/** Retry-After of a 429 or 503 in ms, where it is short enough to wait for. */
function patienceAskedFor({ status, headers }: Response): number | undefined {
  if (status !== 429 && status !== 503) return undefined;
  const seconds = Number(headers.get('retry-after') ?? NaN);
  return seconds >= 0 && seconds * 1000 <= MAX_PATIENCE_MS ? seconds * 1000 : undefined;
}
