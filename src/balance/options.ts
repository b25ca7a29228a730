import { z } from 'zod';
import { count } from '../kernel/index.ts';
import { balancingOptions, endpointsOption } from '../policy/index.ts';

/** The same options as an upstream's in the config, where they are declared once; here anything with a port is balanced. */
const options = { ...balancingOptions, endpoints: endpointsOption(['http', 'https', 'tcp']) };

export const balancerSchema = z
  .strictObject(options)
  .transform(({ slowStart, ...rest }) => ({ ...rest, slowStartMs: slowStart }));

/** What a user writes. */
export type BalancerOptions = z.input<typeof balancerSchema>;
/** With every default filled in and times in ms. */
export type BalancerSettings = z.output<typeof balancerSchema>;

export const dispatcherSchema = z
  .strictObject({
    ...balancingOptions,
    connections: count(1, 100_000).default(128).describe('Connections opened to one endpoint.'),
    retries: count(0, 10).default(1).describe('Further endpoints that are asked when a request that is safe to repeat failed.'),
  })
  .transform(({ slowStart, ...rest }) => ({ ...rest, slowStartMs: slowStart }));

export type DispatcherOptions = z.input<typeof dispatcherSchema>;
