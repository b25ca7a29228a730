import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { ConfigError, nearestName, type Problem } from '../kernel/index.ts';

type Subnet = readonly [address: ipaddr.IPv4 | ipaddr.IPv6, bits: number];

const NAMED: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
};

/**
 * Says who a client is. Forwarding headers are believed only as far as each address that vouches for the next is a
 * trusted proxy: the list is read from its end, and the first address that is not trusted is the client.
 */
export class ClientAddresses {
  readonly #trusted: readonly Subnet[];

  /** @throws ConfigError for an entry that is neither an address, a subnet, nor one of the names. */
  constructor(trustedProxies: readonly string[]) {
    this.#trusted = trustedProxies.flatMap((entry, at) => subnetsOf(entry, at));
  }

  /** Whether forwarding headers of this peer are believed. */
  trusts(peer: string): boolean {
    if (this.#trusted.length === 0 || isIP(peer) === 0) return false;
    const address = ipaddr.process(peer);
    return this.#trusted.some(([subnet, bits]) => subnet.kind() === address.kind() && address.match(subnet, bits));
  }

  /** The client's address as told by `X-Forwarded-For` through trusted proxies only; otherwise the peer's own. */
  clientOf(peer: string, forwardedFor: string | undefined): string {
    let client = canonicalAddress(peer);
    if (forwardedFor === undefined) return client;
    for (const hop of forwardedFor.split(',').toReversed()) {
      if (!this.trusts(client)) break;
      const address = canonicalAddress(hop.trim());
      if (address === '') break;
      client = address;
    }
    return client;
  }
}

/** An address without port, brackets, zone or the IPv4-in-IPv6 prefix; empty when it is none. */
export function canonicalAddress(text: string): string {
  // The usual form, and the one the kernel hands over for each connection.
  if (isIP(text) === 4) return text;
  const bare = /^\[(.+)\](?::\d+)?$/.exec(text)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(text)?.[1] ?? text;
  const withoutZone = bare.split('%', 1)[0]!;
  if (isIP(withoutZone) === 4) return withoutZone;
  return isIP(withoutZone) === 6 ? ipaddr.process(withoutZone).toString() : '';
}

function subnetsOf(entry: string, at: number): Subnet[] {
  const named = NAMED[entry];
  if (named) return named.map((range) => ipaddr.parseCIDR(range));
  if (ipaddr.isValidCIDR(entry)) return [ipaddr.parseCIDR(entry)];
  if (ipaddr.isValid(entry)) {
    const address = ipaddr.process(entry);
    return [[address, address.kind() === 'ipv4' ? 32 : 128]];
  }
  const near = nearestName(entry, Object.keys(NAMED));
  const problem: Problem = {
    path: `trustedProxies[${at}]`,
    message: `'${entry}' is neither an address, a subnet such as '10.0.0.0/8', nor one of ${Object.keys(NAMED).join(', ')}`,
    ...(near ? { fix: `did you mean '${near}'?` } : {}),
  };
  throw new ConfigError('trustedProxies', [problem]);
}
