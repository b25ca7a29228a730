import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { messageOf, SpillwayError } from '../kernel/index.ts';
import type { Endpoint } from './http1/connection.ts';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/**
 * Where a target's connections go. Refuses every host that is not loopback unless `allowHosts` names it: a load test
 * against somebody else's machine is an attack. The name is resolved once, so what was checked is what is connected to.
 */
export async function endpointOf(target: string, allowHosts: readonly string[], verifyCertificate: boolean): Promise<Endpoint> {
  const url = new URL(target);
  const hostname = url.hostname.replace(/^\[|\]$/g, '');
  const address = await resolve(hostname);
  const isLoopback = LOOPBACK.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  if (!isLoopback && !allowHosts.includes(hostname)) {
    throw new SpillwayError(
      'SPILLWAY_LOAD_TARGET_REFUSED',
      `${hostname} is not this machine (${address}). If you may put it under load, say so: --allow-host ${hostname}, or allowHosts: ['${hostname}'].`,
    );
  }
  const tls = url.protocol === 'https:';
  return { address, port: url.port === '' ? (tls ? 443 : 80) : Number(url.port), tls, hostname, verifyCertificate };
}

async function resolve(hostname: string): Promise<string> {
  if (isIP(hostname) !== 0) return hostname;
  // Names that end in localhost are loopback whatever a resolver says (RFC 6761, 6.3).
  if (hostname === 'localhost' || hostname.endsWith('.localhost')) return '127.0.0.1';
  try {
    return (await lookup(hostname)).address;
  } catch (error) {
    throw new SpillwayError('SPILLWAY_LOAD_TARGET_REFUSED', `${hostname} has no address: ${messageOf(error)}`, { cause: error });
  }
}
