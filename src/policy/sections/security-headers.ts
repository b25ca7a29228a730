import { z } from 'zod';
import { duration } from '../../kernel/index.ts';

const headers = z
  .strictObject({
    hsts: z
      .union([
        z.literal(false),
        z.strictObject({
          maxAge: duration({ min: '1s', max: '3650d' }).prefault('180d').describe('For how long browsers come over TLS only.'),
          includeSubDomains: z.boolean().default(false).describe('Whether that holds for all hosts below this one.'),
          preload: z.boolean().default(false).describe('Whether browsers may build it in; they want a year and all hosts below.'),
        }),
      ])
      .prefault({})
      .describe('Strict-Transport-Security, on answers to requests that came over TLS; false: none.'),
    noSniff: z.boolean().default(true).describe('`X-Content-Type-Options: nosniff`: browsers believe the content type.'),
    referrerPolicy: z
      .union([
        z.literal(false),
        z.enum([
          'no-referrer',
          'no-referrer-when-downgrade',
          'origin',
          'origin-when-cross-origin',
          'same-origin',
          'strict-origin',
          'strict-origin-when-cross-origin',
          'unsafe-url',
        ]),
      ])
      .default('strict-origin-when-cross-origin')
      .describe('What other sites learn of the page a visitor comes from; false: not said.'),
    frames: z
      .enum(['none', 'self', 'any'])
      .default('self')
      .describe('Who may show pages within a frame: nobody, this site, or everyone.'),
    permissionsPolicy: z
      .union([z.literal(false), z.string().regex(/^[\x20-\x7e]+$/, 'a field value holds printable ASCII')])
      .default(false)
      .describe('Browser features pages may use, as the field is written: `camera=(), geolocation=(self)`; false: not said.'),
  })
  .transform(({ hsts, ...rest }) => ({
    ...rest,
    hsts: hsts && { includeSubDomains: hsts.includeSubDomains, preload: hsts.preload, maxAgeMs: hsts.maxAge },
  }));

/** Fields that tell browsers to be careful, on every answer of an upstream that does not carry them itself. */
export const securityHeadersSection = z.union([z.literal(false), headers]);
