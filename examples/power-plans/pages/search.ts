import { nearestName } from 'spillway/kernel';
import { slugify } from 'spillway/routes';
import { privatePage, redirect, type Answer } from '../answer.ts';
import type { City } from '../cities.ts';
import { html } from '../html.ts';
import type { Site } from '../site.ts';
import { cityPath } from './city.ts';
import { layout } from './layout.ts';

const SHOWN = 40;

/** Straight to the city when the text names one; otherwise what it may have meant. */
export function searchPage(site: Site, text: string): Answer {
  const wanted = slugify(text.slice(0, 100).replace(/,?\s*(?:tx|texas)\s*$/i, ''));
  const exact = site.city(wanted);
  if (exact) return redirect(cityPath(exact, []), 303);
  const matches = wanted === '' ? [] : citiesLike(site, wanted);
  return privatePage(
    layout(site, {
      title: 'Search: electricity plans in Texas',
      description: 'Find a city.',
      path: undefined,
      trail: [{ href: '/', name: 'Texas' }],
      main: html`<div class="wrap">
        <h1>${matches.length > 0 ? 'Did you mean' : 'No such city'}</h1>
        ${
          matches.length > 0
            ? html`<ul class="near">
                ${matches.map((city) => html`<li><a href="${cityPath(city, [])}">${city.name}</a></li>`)}
              </ul>`
            : html`<p>
                No city in our list is like “${text.slice(0, 100)}”. The <a href="/#letters">cities by letter</a> are on the first
                page.
              </p>`
        }
      </div>`,
    }),
  );
}

/** Cities whose name begins with, then holds, the text; or the nearest in spelling. Largest first. */
export function citiesLike(site: Site, slug: string): City[] {
  const beginning = site.cities.filter((city) => city.slug.startsWith(slug));
  const holding = site.cities.filter((city) => city.slug.includes(slug) && !city.slug.startsWith(slug));
  const found = [...beginning, ...holding].slice(0, SHOWN);
  if (found.length > 0) return found;
  const near = site.city(
    nearestName(
      slug,
      site.cities.map((city) => city.slug),
    ) ?? '',
  );
  return near ? [near] : [];
}
