import { privatePage, type Answer } from '../answer.ts';
import { html } from '../html.ts';
import type { Site } from '../site.ts';
import { cityPath } from './city.ts';
import { layout } from './layout.ts';
import { citiesLike } from './search.ts';

export function notFoundPage(site: Site, path: string): Answer {
  const [, area, city = ''] = path.split('/');
  const near = area === 'electricity-plans' && city !== '' ? citiesLike(site, city.toLowerCase()).slice(0, 5) : [];
  return privatePage(
    layout(site, {
      title: 'Not found',
      description: 'There is no such page.',
      path: undefined,
      trail: [{ href: '/', name: 'Texas' }],
      main: html`<div class="wrap">
        <h1>There is no such page</h1>
        ${
          near.length > 0
            ? html`<p>Perhaps one of these:</p>
                <ul class="near">
                  ${near.map((other) => html`<li><a href="${cityPath(other, [])}">${other.name}</a></li>`)}
                </ul>`
            : html`<p><a href="/">Start at the first page</a>, or look for your city above.</p>`
        }
      </div>`,
    }),
    404,
  );
}

export function failurePage(site: Site): Answer {
  return privatePage(
    layout(site, {
      title: 'Something broke',
      description: 'The page could not be made.',
      path: undefined,
      main: html`<div class="wrap">
        <h1>Something broke on our side</h1>
        <p>The page could not be made. Please try again in a moment.</p>
      </div>`,
    }),
    500,
  );
}
