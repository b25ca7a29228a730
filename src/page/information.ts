import type { ServerResponse } from 'node:http';
import { type Fields, firstLine } from './fields.ts';

/**
 * Hands a 1xx answer of the upstream on to a client that has not got a head yet (RFC 9110 §15.2). An answer that waits
 * behind an earlier one of its connection has no socket: what it said now would stand in the middle of that.
 */
export function sendInformation(response: ServerResponse, status: number, fields: Fields): void {
  if (response.headersSent || response.destroyed || response.socket === null) return;
  if (status === 102) response.writeProcessing();
  else if (status === 103 && firstLine(fields, 'link') !== undefined) response.writeEarlyHints(asObject(fields));
}

function asObject(fields: Fields): Record<string, string | string[]> {
  const object: Record<string, string | string[]> = {};
  for (let at = 0; at < fields.length; at += 2) {
    const earlier = object[fields[at]!];
    object[fields[at]!] = earlier === undefined ? fields[at + 1]! : [earlier, fields[at + 1]!].flat();
  }
  return object;
}
