import { z } from 'zod';
import { size } from '../kernel/index.ts';
import {
  compressionSection,
  listenSection,
  securityHeadersSection,
  tracingSection,
  trustedProxiesSection,
  upstreamsSection,
} from '../policy/index.ts';

/** The same options as in the config, where they are declared once. */
export const gatewaySchema = z.strictObject({
  listen: listenSection.prefault({}).describe('Where to listen, and how large and slow a request may be.'),
  trustedProxies: trustedProxiesSection
    .prefault([])
    .describe('Addresses and subnets whose forwarding headers are believed: `10.0.0.0/8`, `loopback`.'),
  tracing: tracingSection
    .optional()
    .describe('Gives every request that is passed on a `traceparent`, its own or a new one; absent: passed on as it came.'),
  securityHeaders: securityHeadersSection
    .optional()
    .describe('Fields that tell browsers to be careful, on answers of the gateway itself; false, or absent: none.'),
});

/** What a user writes. */
export type GatewayOptions = z.input<typeof gatewaySchema>;
/** With every default filled in; times in ms, sizes in bytes. */
export type GatewaySettings = z.output<typeof gatewaySchema>;

export const proxySchema = z.strictObject({
  upstreams: upstreamsSection.describe('The services to pass requests to, by name.'),
  compression: compressionSection.prefault({}).describe('Which answers are compressed, and how.'),
  securityHeaders: securityHeadersSection
    .optional()
    .describe('Fields that tell browsers to be careful, on answers that lack them; false, or absent: none.'),
  maxBodyBytes: size({ max: '10gb' }).prefault('10mb').describe('Largest request body; a larger one is answered 413.'),
});

export type ProxyOptions = z.input<typeof proxySchema>;
export type ProxySettings = z.output<typeof proxySchema>;
export type UpstreamSettings = ProxySettings['upstreams'][string];
