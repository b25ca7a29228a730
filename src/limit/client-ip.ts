import { addressSet } from './address.ts';

/** Which addresses may say whom they ask for: subnets or addresses, `'loopback'`, `'private'`, or a number of hops. */
export type TrustedProxies = readonly string[] | number;

const NAMED: Record<string, readonly string[]> = {
  loopback: ['127.0.0.0/8', '::1'],
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
};

/** The subnets that `'loopback'` and `'private'` stand for, others as they are. */
export function expandProxies(proxies: readonly string[]): string[] {
  return proxies.flatMap((proxy) => NAMED[proxy] ?? [proxy]);
}

/**
 * Finds the client behind trusted proxies: from the peer backwards through `X-Forwarded-For`, the first address that is
 * not a trusted proxy's own. What stands left of it was written by the client and is not believed.
 */
export function clientAddress(proxies: TrustedProxies): (peer: string, forwardedFor: string | undefined) => string {
  const isTrusted = typeof proxies === 'number' ? undefined : addressSet(expandProxies(proxies));
  return (peer, forwardedFor) => {
    const hops = forwardedFor === undefined ? [] : forwardedFor.split(',').map(withoutPort);
    if (!isTrusted) return proxies === 0 ? peer : (hops.at(-(proxies as number)) ?? hops[0] ?? peer);
    let address = peer;
    while (isTrusted(address) && hops.length > 0) address = hops.pop()!;
    return address;
  };
}

/** `192.0.2.1:4711` and `[2001:db8::1]:4711` as some proxies write them. */
function withoutPort(text: string): string {
  const address = text.trim();
  if (address.startsWith('[')) return address.slice(1, address.indexOf(']'));
  return /^\d+\.\d+\.\d+\.\d+:\d+$/.test(address) ? address.slice(0, address.indexOf(':')) : address;
}
