/** Why a request went on to the upstream (RFC 9211 §2.2). */
export type ForwardReason = 'bypass' | 'method' | 'uri-miss' | 'vary-miss' | 'miss' | 'request' | 'stale' | 'partial';

/** `spillway; hit; ttl=120`. A negative ttl: served stale (RFC 9211 §2.4). */
export function hitStatus(name: string, ttlSeconds: number, detail?: string): string {
  return `${name}; hit; ttl=${ttlSeconds}${detail === undefined ? '' : `; detail=${detail}`}`;
}

export interface Forwarded {
  readonly reason: ForwardReason;
  /** What the upstream answered, where that is not what the client gets. */
  readonly status?: number;
  readonly stored?: boolean;
  readonly collapsed?: boolean;
  readonly detail?: string;
}

/** `spillway; fwd=uri-miss; stored` */
export function forwardStatus(name: string, forwarded: Forwarded): string {
  let text = `${name}; fwd=${forwarded.reason}`;
  if (forwarded.status !== undefined) text += `; fwd-status=${forwarded.status}`;
  if (forwarded.stored) text += '; stored';
  if (forwarded.collapsed) text += '; collapsed';
  if (forwarded.detail !== undefined) text += `; detail=${forwarded.detail}`;
  return text;
}
