import { z } from 'zod';
import { balancingOptions } from '../policy/index.ts';

/** The same options as an upstream's in the config: they are declared there once. */
export const balancerSchema = z
  .strictObject(balancingOptions)
  .transform(({ slowStart, ...rest }) => ({ ...rest, slowStartMs: slowStart }));

/** What a user writes. */
export type BalancerOptions = z.input<typeof balancerSchema>;
/** With every default filled in and times in ms. */
export type BalancerSettings = z.output<typeof balancerSchema>;
