import { z } from 'zod';
import { count } from '../../kernel/index.ts';
import { durationText } from './duration-text.ts';

/** What holds for the limits of every route; passed on to `createLimitGate`. */
export const limitsSection = z.strictObject({
  allow: z.array(z.string()).optional().describe('Addresses, subnets or keys (`user:42`) that are never limited.'),
  deny: z.array(z.string()).optional().describe('Addresses, subnets or keys that are always refused.'),
  tiers: z
    .record(z.string(), z.number().positive().max(1000))
    .optional()
    .describe('Multiplier of every limit by subscription tier: `{ premium: 5 }`.'),
  ipv6Prefix: count(32, 128).optional().describe('How many leading bits of an IPv6 address count as one client; 56 by default.'),
  apiKeyHeader: z.string().min(1).optional().describe('Request header that carries the API key; `x-api-key` by default.'),
  maxKeys: count(1, 16_000_000)
    .optional()
    .describe('Keys counted at once, per limit and process; beyond, the least used are forgotten.'),
  shadow: z.boolean().optional().describe('Decide and report, but refuse nobody.'),
  slowDown: z
    .strictObject({
      after: count(0).describe('Units of the limit from which requests are held back.'),
      delay: durationText({ min: '1ms' }).optional().describe('Delay of the first request beyond; the next waits twice that.'),
      maxDelay: durationText({ min: '1ms', max: '1m' }).optional().describe('The longest delay.'),
      maxWaiting: count(1).optional().describe('Requests held back at once; beyond, they are refused.'),
    })
    .optional()
    .describe('Hold requests back a little longer each, before the limit refuses them.'),
  standardHeaders: z.boolean().optional().describe('Send `RateLimit` and `RateLimit-Policy`.'),
  legacyHeaders: z.boolean().optional().describe('Send `X-RateLimit-*`.'),
  onStoreFailure: z
    .enum(['local', 'open', 'closed'])
    .optional()
    .describe('While Redis is away: each process grants its share of the limit, or all are admitted, or all refused.'),
  storeDeadline: durationText({ min: '1ms', max: '10s' }).optional().describe('How long a decision waits for Redis.'),
  leases: z.boolean().optional().describe('Let processes take units of hot keys in advance: far fewer calls to Redis.'),
});
