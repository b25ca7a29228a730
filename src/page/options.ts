import { z } from 'zod';
import { count, size } from '../kernel/index.ts';
import { pagesSection, type PagesPolicy } from '../policy/index.ts';

/** What a config's `pages` section holds, and what only code decides. */
export const pageOptionsSchema = pagesSection.extend({
  name: z
    .string()
    .regex(/^[A-Za-z*][\w.:/%*-]*$/)
    .default('spillway')
    .describe('How this cache calls itself in `Cache-Status`.'),
  maxFills: count(1)
    .default(1000)
    .describe('Pages fetched at the same time in one process; requests beyond that pass by the cache.'),
  compress: z.boolean().default(true).describe('Store bodies in gzip, br and zstd too and answer in what the client accepts.'),
  compressAbove: size().prefault('1kb').describe('Smaller bodies are not compressed.'),
  compressConcurrency: count(1, 64).default(2).describe('Bodies compressed at the same time.'),
});

/** What a user writes. */
export type PageOptions = z.input<typeof pageOptionsSchema>;
/** With every default filled in; times in ms, sizes in bytes. */
export type PageSettings = z.output<typeof pageOptionsSchema>;

const forCodeOnly = { name: true, maxFills: true, compress: true, compressConcurrency: true } as const;

/** The settings of a config's `pages` section, with the size above which its `compression` section has bodies compressed. */
export function pageSettings(declared: PagesPolicy, compressAbove: number): PageSettings {
  return { ...pageOptionsSchema.pick(forCodeOnly).parse({}), ...declared, compressAbove };
}
