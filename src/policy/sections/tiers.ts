import { z } from 'zod';

const cookieName = () => z.string().regex(/^[\w-]+$/, 'a cookie name holds letters, digits, _ and -');

/** How the subscription tier of a request is known: for endpoints reserved to tiers, and for who is shed first. */
export const tiersSection = z
  .strictObject({
    header: z
      .string()
      .regex(/^[\w-]+$/, 'a field name holds letters, digits, _ and -')
      .optional()
      .describe('Field that a trusted proxy in front sets; from anybody else it is ignored.'),
    cookie: cookieName().optional().describe('Cookie made by `signTier`, which the service sets when somebody logs in.'),
    secret: z.string().min(16, 'a secret has at least 16 characters').optional().describe('Signs the cookie.'),
  })
  .refine(({ cookie, secret }) => cookie === undefined || secret !== undefined, {
    path: ['secret'],
    message: 'is needed for a cookie: without it anybody could write one',
  });
