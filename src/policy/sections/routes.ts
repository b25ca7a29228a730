import { z } from 'zod';
import { trafficOptions } from './traffic.ts';

export const routesSection = z.record(
  z.string().min(1),
  z.strictObject({
    class: z.string().min(1).default('normal').describe('The class whose values apply where the route says nothing.'),
    upstream: z.string().min(1).optional().describe('Who answers: a name under `upstreams`. Default: the only one there is.'),
    tags: z
      .array(z.string().min(1))
      .optional()
      .describe('Names to purge by. `:city` stands for the path parameter: `city::city` becomes `city:dallas`.'),
    ...trafficOptions,
  }),
);

/** Where the plan of all pages comes from: a module's path, or a function that gives the plan. */
export const routePlanSection = z
  .union([z.string().min(1), z.custom<() => unknown>((value) => typeof value === 'function', 'expected a function')])
  .optional();
