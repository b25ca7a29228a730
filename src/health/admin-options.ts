import { z } from 'zod';
import { count } from '../kernel/index.ts';

/** Options of `createAdmin`. */
export const adminOptions = z.strictObject({
  port: count(0, 65_535).default(9901).describe('Port of the admin listener; 0: any free one.'),
  host: z.string().min(1).default('127.0.0.1').describe('Address to listen on. Any but a loopback address needs a token.'),
  token: z
    .string()
    .min(16)
    .optional()
    .describe('What callers must present as `Authorization: Bearer …`; at least 16 characters.'),
  allowedHosts: z
    .array(z.string().min(1))
    .default([])
    .describe('Host names, beyond localhost, under which a listener on loopback is called: that of a tunnel or proxy.'),
  maxStreams: count(1, 1000).default(32).describe('How many dashboards may be connected at once.'),
});

/** What users pass. */
export type AdminOptions = z.input<typeof adminOptions>;
export type AdminSettings = z.output<typeof adminOptions>;

/** Addresses that only the machine itself can reach. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(host);
}
