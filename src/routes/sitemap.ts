import { z } from 'zod';
import { count, parseOptions } from '../kernel/index.ts';
import type { Priority } from '../policy/index.ts';
import type { PlannedRoute } from './types.ts';

/** Limits of the sitemap protocol (sitemaps.org): 50,000 URLs and 50 MiB a file. */
export const SITEMAP_MAX_URLS = 50_000;
const SITEMAP_MAX_BYTES = 50 * 1024 * 1024;

export const sitemapOptions = z.strictObject({
  baseUrl: z
    .url({ protocol: /^https?$/, error: `expected the site's address, such as 'https://example.com'` })
    .describe('Address of the site, without a path: every URL starts with it.'),
  folder: z
    .string()
    .regex(/^\/(?:[^?#\s]*\/)?$/, `a folder starts and ends with '/'`)
    .default('/')
    .describe('Where the files will be served from; the index points there.'),
  maxUrls: count(1, SITEMAP_MAX_URLS).default(SITEMAP_MAX_URLS).describe('Most URLs in one file.'),
});

export type SitemapOptions = z.input<typeof sitemapOptions>;

/** One file of a sitemap. Read `text` before asking for the next file; what is left unread is skipped. */
export interface SitemapFile {
  readonly name: string;
  readonly text: AsyncIterable<string>;
}

/** The protocol's 0 to 1, relative to the site's other pages. */
const WEIGHT: Record<Priority, string> = { critical: '1.0', high: '0.8', normal: '0.5', low: '0.3', background: '0.1' };

/** `sitemap-1.xml`, …, then their index `sitemap.xml`; holds one URL at a time. */
export function sitemapFiles(routes: AsyncIterable<PlannedRoute>, options: SitemapOptions): AsyncIterable<SitemapFile> {
  const { baseUrl, folder, maxUrls } = parseOptions(sitemapOptions, options, 'sitemap(options)');
  return { [Symbol.asyncIterator]: () => split(routes, new URL(baseUrl).origin, folder, maxUrls) };
}

async function* split(
  routes: AsyncIterable<PlannedRoute>,
  origin: string,
  folder: string,
  maxUrls: number,
): AsyncGenerator<SitemapFile> {
  const iterator = routes[Symbol.asyncIterator]();
  try {
    let files = 0;
    let next = await iterator.next();
    // A site without pages still has a sitemap: one file without URLs would be against the schema, an empty index is not.
    while (!next.done) {
      const text = part();
      yield { name: `sitemap-${++files}.xml`, text };
      for await (const _ of text);
    }
    yield { name: 'sitemap.xml', text: index(files) };

    async function* part(): AsyncGenerator<string> {
      let bytes = 0;
      let head = `${XML}<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n`;
      for (let urls = 0; !next.done && urls < maxUrls; urls++, next = await iterator.next()) {
        const text = urlElement(next.value, origin);
        bytes += Buffer.byteLength(text);
        if (urls > 0 && bytes > SITEMAP_MAX_BYTES - 1024) break;
        yield head + text;
        head = '';
      }
      yield '</urlset>\n';
    }
  } finally {
    await iterator.return?.();
  }

  async function* index(files: number): AsyncGenerator<string> {
    yield `${XML}<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n`;
    for (let file = 1; file <= files; file++) {
      yield `<sitemap><loc>${escapeXml(`${origin}${folder}sitemap-${file}.xml`)}</loc></sitemap>\n`;
    }
    yield '</sitemapindex>\n';
  }
}

const XML = '<?xml version="1.0" encoding="UTF-8"?>\n';

function urlElement(route: PlannedRoute, origin: string): string {
  const changed = route.city.lastModified === undefined ? '' : `<lastmod>${route.city.lastModified}</lastmod>`;
  return `<url><loc>${escapeXml(origin + route.path)}</loc>${changed}<priority>${WEIGHT[route.priority]}</priority></url>\n`;
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };

function escapeXml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character]!);
}
