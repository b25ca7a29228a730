import type { Answer } from './answer.ts';
import type { Site } from './site.ts';

/** `sitemap.xml` or one of its parts; undefined when there is none of that name. */
export async function sitemap(site: Site, name: string): Promise<Answer | undefined> {
  const files = site.pages.sitemap({ baseUrl: site.options.publicUrl });
  for await (const file of files) {
    if (file.name !== name) continue;
    let body = '';
    for await (const piece of file.text) body += piece;
    return { status: 200, type: 'application/xml', body, tags: ['sitemap'], cacheControl: 'public, max-age=3600' };
  }
  return undefined;
}

export function robots(site: Site): Answer {
  const body = `User-agent: *\nDisallow: /admin/\nDisallow: /api/\nDisallow: /search\n\nSitemap: ${site.options.publicUrl}/sitemap.xml\n`;
  return { status: 200, type: 'text/plain; charset=utf-8', body, cacheControl: 'public, max-age=3600' };
}
