import ipaddr from 'ipaddr.js';
import { Remembered } from './remembered.ts';

const keysByPrefix = new Map<number, Remembered<string>>();

/**
 * What an address is counted as: an IPv4 address as it is (also in its IPv6-mapped form), an IPv6 address by its first
 * `ipv6Prefix` bits, since one subscriber has at least a /64 and often a /56 to choose addresses from.
 */
export function addressKey(address: string, ipv6Prefix: number): string {
  if (!address.includes(':')) return address;
  let keys = keysByPrefix.get(ipv6Prefix);
  if (!keys) keysByPrefix.set(ipv6Prefix, (keys = new Remembered((text) => subnetOf(text, ipv6Prefix))));
  return keys.of(address);
}

function subnetOf(text: string, ipv6Prefix: number): string {
  if (!ipaddr.isValid(text)) return text;
  const address = ipaddr.process(text);
  if (address.kind() === 'ipv4') return address.toString();
  const network = ipaddr.IPv6.networkAddressFromCIDR(`${withoutZone(address.toString())}/${ipv6Prefix}`);
  return `${network.toString()}/${ipv6Prefix}`;
}

function withoutZone(address: string): string {
  const zone = address.indexOf('%');
  return zone < 0 ? address : address.slice(0, zone);
}

type Range = [ipaddr.IPv4 | ipaddr.IPv6, number];

/** Whether `text` is an address or a subnet in CIDR notation. */
export function isAddressRange(text: string): boolean {
  return ipaddr.isValidCIDR(text) || ipaddr.isValid(text);
}

/** A test for membership in any of the addresses and subnets given. */
export function addressSet(ranges: readonly string[]): (address: string) => boolean {
  if (ranges.length === 0) return () => false;
  const parsed = ranges.map((range): Range => {
    if (range.includes('/')) return ipaddr.parseCIDR(range);
    const address = ipaddr.process(range);
    return [address, address.kind() === 'ipv4' ? 32 : 128];
  });
  const answers = new Remembered((text) => {
    if (!ipaddr.isValid(text)) return false;
    const address = ipaddr.process(text);
    return parsed.some(([network, bits]) => network.kind() === address.kind() && address.match(network, bits));
  });
  return (address) => answers.of(address);
}
