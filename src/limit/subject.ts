import { hash } from 'node:crypto';
import { addressKey } from './address.ts';
import { Remembered } from './remembered.ts';

/** Who asks. A limit picks the part it goes by. */
export interface Subject {
  /** The client's address, found behind trusted proxies only. */
  readonly ip?: string | undefined;
  readonly user?: string | undefined;
  readonly apiKey?: string | undefined;
  /** Subscription tier: multiplies limits as the option `tiers` says. */
  readonly tier?: string | undefined;
}

/**
 * What a limit counts by. `user` and `apiKey` fall back to the address where the subject has none, so that leaving the
 * key out is no way round a limit. `everyone`: one count for all. A function may return undefined to leave the limit out.
 */
export type LimitBy = 'ip' | 'user' | 'apiKey' | 'everyone' | ((subject: Subject) => string | undefined);

/** The part of a key that says what it is, where limits by user or API key fall back to the address. */
const PREFIX = { ip: 'ip:', user: 'user:', apiKey: 'key:' } as const;

const LONGEST_KEY = 64;

/** The key `by` counts `subject` under; undefined: the limit does not apply to it. */
export function keyOf(subject: Subject, by: LimitBy, ipv6Prefix: number): string | undefined {
  if (by === 'ip') return subject.ip === undefined ? undefined : addressKey(subject.ip, ipv6Prefix);
  if (by === 'everyone') return 'everyone';
  if (typeof by === 'function') {
    const key = by(subject);
    return key === undefined ? undefined : bounded(key);
  }
  const value = subject[by];
  if (value !== undefined) return PREFIX[by] + (by === 'apiKey' ? digest(value) : bounded(value));
  return subject.ip === undefined ? undefined : PREFIX.ip + addressKey(subject.ip, ipv6Prefix);
}

/** The key as it is, or its digest where it is long: a client must not choose how much memory its count takes. */
export function bounded(key: string): string {
  return key.length <= LONGEST_KEY ? key : digest(key);
}

/** API keys are secrets: stores and events see only this. */
function digest(secret: string): string {
  return digests.of(secret);
}

const digests = new Remembered((secret) => hash('sha256', secret, 'base64url').slice(0, 22));
