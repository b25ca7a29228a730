/** Fields that belong to one connection (RFC 9110 §7.6.1) and are never passed on. */
export const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/**
 * Fields of a request that Spillway answers for itself: who the client is, which host it asked for, and whether it waits
 * for a go-ahead. What a client claims about them never reaches the upstream.
 */
const OWN = new Set([
  'host',
  'expect',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-real-ip',
]);

/** Whether a client's field of this name goes on to the upstream as it is. */
export function isPassedOn(name: string): boolean {
  return !HOP_BY_HOP.has(name) && !OWN.has(name);
}
