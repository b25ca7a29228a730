import { createHmac, timingSafeEqual } from 'node:crypto';
import type { z } from 'zod';
import type { tiersSection } from '../policy/index.ts';
import type { Exchange } from '../ports/index.ts';
import { ClientAddresses } from './client-address.ts';
import { cookieValue } from './cookies.ts';

export type TiersSettings = z.output<typeof tiersSection>;

const TIER = /^[\w-]{1,64}$/;

/**
 * Tells the subscription tier of a request: from the field a trusted proxy sets, otherwise from a signed cookie. A tier
 * that a client merely claims counts for nothing.
 */
export function createTierOf(
  { header, cookie, secret }: TiersSettings,
  trustedProxies: readonly string[],
): (exchange: Exchange) => string | undefined {
  const addresses = new ClientAddresses(trustedProxies);
  const field = header?.toLowerCase();
  return ({ request }) => {
    if (field !== undefined && addresses.trusts(request.socket.remoteAddress ?? '')) {
      const tier = request.headers[field];
      if (typeof tier === 'string' && TIER.test(tier)) return tier;
    }
    const signed = cookie === undefined ? undefined : cookieValue(request.headers.cookie, cookie);
    return signed === undefined ? undefined : verified(signed, secret!);
  };
}

/** The cookie's value for a tier, for the service to set: `premium.hM0…`. */
export function signTier(tier: string, secret: string): string {
  if (!TIER.test(tier)) throw new RangeError(`a tier holds up to 64 letters, digits, _ and -, unlike '${tier}'`);
  return `${tier}.${signatureOf(tier, secret)}`;
}

function verified(signed: string, secret: string): string | undefined {
  const dot = signed.indexOf('.');
  const tier = signed.slice(0, Math.max(0, dot));
  if (!TIER.test(tier)) return undefined;
  const [given, due] = [Buffer.from(signed.slice(dot + 1)), Buffer.from(signatureOf(tier, secret))];
  return given.length === due.length && timingSafeEqual(given, due) ? tier : undefined;
}

function signatureOf(tier: string, secret: string): string {
  return createHmac('sha256', secret).update(`tier:${tier}`).digest('base64url');
}
