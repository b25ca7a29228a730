import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planRoutes, TEXAS_ELECTRICITY, type PlanOptions, type SitemapFile, type SitemapOptions } from './index.ts';

async function files(plan: Partial<PlanOptions>, options: Partial<SitemapOptions> = {}): Promise<[name: string, text: string][]> {
  const result: [string, string][] = [];
  const planned = planRoutes({ ...TEXAS_ELECTRICITY, cities: [], ...plan } as PlanOptions);
  for await (const file of planned.sitemap({ baseUrl: 'https://example.com', ...options })) {
    result.push([file.name, await textOf(file)]);
  }
  return result;
}

async function textOf(file: SitemapFile): Promise<string> {
  let text = '';
  for await (const piece of file.text) text += piece;
  return text;
}

test('URLs, split into files, and their index last', async () => {
  const written = await files({ cities: [{ name: 'Waco', lastModified: new Date(0) }] }, { maxUrls: 20, folder: '/maps/' });
  assert.deepEqual(
    written.map(([name, text]) => [name, text.match(/<loc>/g)?.length]),
    [
      ['sitemap-1.xml', 20],
      ['sitemap-2.xml', 20],
      ['sitemap-3.xml', 10],
      ['sitemap.xml', 3],
    ],
  );
  assert.match(written[0]![1], /^<\?xml version="1\.0" encoding="UTF-8"\?>\n<urlset [^>]+>\n<url>/);
  assert.ok(
    written[0]![1].includes(
      '<url><loc>https://example.com/electricity-plans/waco/12-month</loc><lastmod>1970-01-01T00:00:00.000Z</lastmod><priority>0.8</priority></url>',
    ),
  );
  assert.match(written[3]![1], /<loc>https:\/\/example\.com\/maps\/sitemap-2\.xml<\/loc>/);
});

test('exactly a full file makes no empty one after it', async () => {
  const written = await files({ cities: ['Waco'], maxRoutesPerCity: { 2: 10 } }, { maxUrls: 10 });
  assert.deepEqual(
    written.map(([name]) => name),
    ['sitemap-1.xml', 'sitemap.xml'],
  );
});

test('a file that is skipped is left out, and the next is whole', async () => {
  const plan = planRoutes({ ...TEXAS_ELECTRICITY, cities: ['Waco'] });
  for await (const file of plan.sitemap({ baseUrl: 'https://example.com', maxUrls: 20 })) {
    if (file.name === 'sitemap-2.xml') {
      const text = await textOf(file);
      assert.equal(text.match(/<loc>/g)?.length, 20);
      assert.match(text, /^<\?xml/);
    }
  }
});

test('what means something in XML is escaped', async () => {
  const [[, text] = []] = await files({ cities: [{ name: 'Q', slug: `a&b'c` }] });
  assert.match(text!, /a%26b&apos;c/);
});

test('an empty plan is an empty index', async () => {
  assert.deepEqual(
    (await files({})).map(([name]) => name),
    ['sitemap.xml'],
  );
});

test('a base that is no address is refused', () => {
  assert.throws(() => planRoutes({ cities: [] }).sitemap({ baseUrl: 'example.com' }), { code: 'SPILLWAY_CONFIG_INVALID' });
});
