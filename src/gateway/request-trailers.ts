import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { isPassedOn } from './passed-fields.ts';

/**
 * Fields that decide how a message is framed, routed, authenticated or understood before its body is read: behind the
 * body they come too late to be anything but an attempt to say two things (RFC 9110 §6.5.1).
 */
const NEVER_BEHIND = new Set([
  'authorization',
  'cache-control',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'max-forwards',
  'pragma',
  'range',
  'set-cookie',
  'traceparent',
  'tracestate',
  'trailer',
  'via',
  'x-request-id',
]);
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** The trailer section of a body that was read to its end, as lines to write behind its last chunk. */
export function trailerLines(body: Readable): string {
  const { rawTrailers = [] } = body as Partial<Pick<IncomingMessage, 'rawTrailers'>>;
  let lines = '';
  for (let i = 0; i < rawTrailers.length; i += 2) {
    const name = rawTrailers[i]!.toLowerCase();
    const value = rawTrailers[i + 1]!;
    if (isAllowed(name) && VALUE.test(value)) lines += `${name}: ${value}\r\n`;
  }
  return lines;
}

function isAllowed(name: string): boolean {
  return NAME.test(name) && isPassedOn(name) && !NEVER_BEHIND.has(name) && !name.startsWith('if-');
}
