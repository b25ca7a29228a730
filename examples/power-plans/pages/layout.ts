import { html, type Html, type Piece } from '../html.ts';
import type { Site } from '../site.ts';

export interface PageFrame {
  readonly title: string;
  readonly description: string;
  /** The page's own path, for its canonical address; undefined: not to be indexed. */
  readonly path: string | undefined;
  /** Ways back, outermost first; the page itself is added by its heading. */
  readonly trail?: readonly { readonly href: string; readonly name: string }[];
  readonly main: Piece;
}

export function layout(site: Site, { title, description, path, trail = [], main }: PageFrame): Html {
  const canonical =
    path === undefined
      ? html`<meta name="robots" content="noindex" />`
      : html`<link rel="canonical" href="${site.options.publicUrl}${path}" />`;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <meta name="description" content="${description}" />
        <meta name="color-scheme" content="light dark" />
        ${canonical}
        <link rel="icon" type="image/svg+xml" href="${site.mark.path}" />
        <link rel="stylesheet" href="${site.css.path}" />
      </head>
      <body>
        <a class="skip" href="#main">Skip to the content</a>
        <header class="top">
          <div class="wrap">
            <a class="brand" href="/"><img src="${site.mark.path}" alt="" width="28" height="28" />Lone Star Lights</a>
            <form class="find" action="/search" role="search">
              <label class="unseen" for="q">City in Texas</label>
              <input id="q" name="q" type="search" placeholder="Your city" autocomplete="address-level2" required />
              <button>Find plans</button>
            </form>
          </div>
        </header>
        <main id="main" tabindex="-1">
          ${
            trail.length > 0 &&
            html`<nav class="trail wrap" aria-label="Breadcrumb">
              <ol>
                ${trail.map(({ href, name }) => html`<li><a href="${href}">${name}</a></li>`)}
              </ol>
            </nav>`
          }
          ${main}
        </main>
        <footer class="end">
          <div class="wrap">
            <p>
              Lone Star Lights is the example site of Spillway. Providers, plans and prices are invented; utility areas are told
              by distance and are not an offer of service.
            </p>
            <p>
              Places: <a href="https://www.geonames.org/">GeoNames</a>,
              <a href="https://creativecommons.org/licenses/by/4.0/">CC BY 4.0</a>. <a href="/api/plans">Plans as JSON</a> ·
              <a href="/sitemap.xml">Sitemap</a>
            </p>
          </div>
        </footer>
      </body>
    </html> `;
}
