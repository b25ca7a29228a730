import { z } from 'zod';
import { share } from '../../kernel/index.ts';

/** W3C Trace Context. */
export const tracingSection = z.strictObject({
  sample: share()
    .default(0)
    .describe('Share of the traces begun here that are marked as sampled; those that come with a request keep their mark.'),
});
