import type { z } from 'zod';
import pino from 'pino';
import { runtimeFrom, type Clock, type Runtime } from '../kernel/index.ts';
import type { accessLogSection } from '../policy/index.ts';
import type { CompletedRequest } from './completed-request.ts';

export type AccessLogSettings = z.output<typeof accessLogSection>;

/** Where lines go. pino's own destinations fulfil it. */
export interface LogDestination {
  write(line: string): unknown;
  flushSync?(): void;
}

/** Writes a line for each request. */
export interface AccessLog {
  /** For the gateway's `onComplete`. */
  readonly record: (completed: CompletedRequest) => void;
  /** Writes out what is still in memory. */
  close(): void;
}

/**
 * An access log. Lines are gathered and written in pieces, so that a request waits for no disk.
 *
 * @param destination in place of `settings.file` and standard output.
 */
export function createAccessLog(
  { format, file }: AccessLogSettings,
  runtime: Partial<Runtime> = {},
  destination: LogDestination = pino.destination({ dest: file ?? 1, minLength: 4096, sync: false, mkdir: true }),
): AccessLog {
  const { clock } = runtimeFrom(runtime);
  const record = format === 'json' ? jsonRecorder(destination, clock) : commonRecorder(destination, clock);
  // A quiet service shows its lines within a second too.
  const flushing = clock.setRepeating(() => destination.flushSync?.(), 1000);
  return {
    record,
    close: () => {
      flushing.cancel();
      destination.flushSync?.();
    },
  };
}

function jsonRecorder(destination: LogDestination, clock: Clock): AccessLog['record'] {
  const logger = pino(
    {
      base: null,
      timestamp: () => `,"time":"${new Date(clock.now()).toISOString()}"`,
      formatters: { level: (level) => ({ level }) },
    },
    destination as pino.DestinationStream,
  );
  return (completed) => {
    const { exchange, route, method, authority, target, clientIp, status, bytes, durationMs, aborted } = completed;
    logger.info({
      client: clientIp,
      method,
      host: authority,
      target,
      status,
      bytes,
      durationMs: Math.round(durationMs * 1000) / 1000,
      class: route.className,
      route: route.pattern,
      requestId: completed.requestId,
      trace: traceIdOf(completed.traceparent),
      userAgent: completed.userAgent,
      referer: completed.referer,
      ...(exchange ? {} : { fast: true }),
      ...(aborted ? { aborted: true } : {}),
    });
  };
}

/** `client - - [time] "request" status bytes "referer" "agent"`, which log analysers have read for thirty years. */
function commonRecorder(destination: LogDestination, clock: Clock): AccessLog['record'] {
  let second = 0;
  let stamp = '';
  return (completed) => {
    const nowMs = clock.now();
    if (Math.floor(nowMs / 1000) !== second) {
      second = Math.floor(nowMs / 1000);
      stamp = commonTime(new Date(nowMs));
    }
    const { clientIp, method, target, status, bytes, referer, userAgent } = completed;
    const version = completed.exchange?.request.httpVersion ?? '1.1';
    destination.write(
      `${clientIp} - - [${stamp}] "${method} ${quoted(target)} HTTP/${version}" ${status} ${bytes} "${quoted(referer)}" "${quoted(userAgent)}"\n`,
    );
  };
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

function commonTime(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${two(date.getUTCDate())}/${MONTHS[date.getUTCMonth()]}/${date.getUTCFullYear()}`;
  return `${day}:${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())} +0000`;
}

/** What a client sent cannot end its field, nor its line. */
function quoted(value: string | undefined): string {
  if (value === undefined || value === '') return '-';
  return value.replaceAll(/[^\x20-\x7e]|["\\]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** The trace a request belongs to (W3C Trace Context). */
function traceIdOf(traceparent: string | undefined): string | undefined {
  return traceparent !== undefined ? /^[0-9a-f]{2}-([0-9a-f]{32})-/.exec(traceparent)?.[1] : undefined;
}
