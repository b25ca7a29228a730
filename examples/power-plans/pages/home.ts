import { page, type Answer } from '../answer.ts';
import type { City } from '../cities.ts';
import { bill, cents, plural, whole } from '../format.ts';
import { html, type Html } from '../html.ts';
import { PROVIDERS } from '../plans.ts';
import type { Site } from '../site.ts';
import { UTILITY_AREA_IDS, UTILITY_AREAS } from '../utility-areas.ts';
import { cityPath } from './city.ts';
import { layout } from './layout.ts';

const LARGEST = 44;

export async function homePage(site: Site): Promise<Answer> {
  const cheapest = await site.store.cheapest();
  const total = (await site.store.allPlans()).length;
  const [first, second, third, fourth, ...rest] = site.cities.slice(0, LARGEST + 4);
  const body = layout(site, {
    title: 'Lone Star Lights: electricity plans in Texas, compared',
    description: `Compare ${total} electricity plans of ${PROVIDERS.length} providers in ${whole(site.cities.length)} Texas cities by price, term and renewable share.`,
    path: '/',
    main: html`<div class="hero">
        <div class="wrap">
          <div>
            <h1>Every electricity plan in Texas, side by side</h1>
            <p>
              ${plural(total, 'plan')} from ${PROVIDERS.length} providers in ${whole(site.cities.length)} cities. All-in prices,
              no sign-up, no scripts.
            </p>
          </div>
          ${map(site.cities)}
        </div>
      </div>
      <div class="wrap">
        <section aria-labelledby="metros">
          <h2 id="metros">The big four</h2>
          <ul class="metros">
            ${[first!, second!, third!, fourth!].map(
              (city) =>
                html`<li>
                  <a href="${cityPath(city, [])}"
                    ><b>${city.name}</b> <span>${UTILITY_AREAS[city.utilityArea].name} wires</span></a
                  >
                </li>`,
            )}
          </ul>
        </section>
        <section aria-labelledby="areas">
          <h2 id="areas">Lowest price by utility area</h2>
          <ul class="areas">
            ${UTILITY_AREA_IDS.map((id) => {
              const plan = cheapest.find((other) => other.utilityArea === id)!;
              return html`<li>
                <h3>${UTILITY_AREAS[id].name}</h3>
                <p>${UTILITY_AREAS[id].region}</p>
                <p class="price">${cents(plan.price1000)} <i>${bill(plan.price1000, 1000)} for 1,000 kWh</i></p>
                <p><a href="/plans/${plan.id}">${plan.provider} ${plan.name}</a></p>
              </li>`;
            })}
          </ul>
        </section>
        <section aria-labelledby="cities">
          <h2 id="cities">Largest cities</h2>
          <ul class="near">
            ${rest.map((city) => html`<li><a href="${cityPath(city, [])}">${city.name}</a></li>`)}
          </ul>
        </section>
        <section aria-labelledby="letters">
          <h2 id="letters">All ${whole(site.cities.length)} cities by letter</h2>
          ${letters(site)}
        </section>
      </div>`,
  });
  return page(body, ['home', ...UTILITY_AREA_IDS.map((area) => `cheapest:${area}`)]);
}

/** Every city as a dot, coloured by who owns the wires: one path per area, a dot being a line of no length with round ends. */
function map(cities: readonly City[]): Html {
  const [west, north, scale, shrink] = [-106.7, 36.55, 46, 0.857];
  const dot = (city: City): string =>
    `M${Math.round((city.longitude - west) * scale * shrink)} ${Math.round((north - city.latitude) * scale)}h0`;
  const paths = UTILITY_AREA_IDS.map((id, at) => {
    const dots = cities.filter((city) => city.utilityArea === id).map(dot);
    return html`<path class="a${at}" d="${dots.join('')}" />`;
  });
  return html`<figure class="map">
    <svg viewBox="-8 -8 540 508" role="img" aria-label="Map of Texas: each city a dot in the colour of its utility area">
      ${paths}
    </svg>
    <figcaption>
      <ul>
        ${UTILITY_AREA_IDS.map((id, at) => html`<li class="a${at}">${UTILITY_AREAS[id].name}</li>`)}
      </ul>
    </figcaption>
  </figure>`;
}

/** Cities that begin with a letter; undefined when none does. */
export function letterPage(site: Site, letter: string): Answer | undefined {
  const cities = citiesByLetter(site).get(letter);
  if (!cities) return undefined;
  const title = `Texas cities with ${letter.toUpperCase()}`;
  const body = layout(site, {
    title: `${title}: electricity plans`,
    description: `Electricity plans in ${plural(cities.length, 'Texas city').replace('citys', 'cities')} beginning with ${letter.toUpperCase()}.`,
    path: `/cities/${letter}`,
    trail: [{ href: '/', name: 'Texas' }],
    main: html`<div class="wrap">
      <h1>${title}</h1>
      <ul class="near">
        ${cities.map((city) => html`<li><a href="${cityPath(city, [])}">${city.name}</a></li>`)}
      </ul>
      <section aria-labelledby="letters">
        <h2 id="letters">Other letters</h2>
        ${letters(site, letter)}
      </section>
    </div>`,
  });
  return page(body, ['cities']);
}

function letters(site: Site, current?: string): Html {
  return html`<ul class="letters">
    ${[...citiesByLetter(site).keys()].map((letter) => html`<li><a href="/cities/${letter}" ${letter === current && html` aria-current="page"`}>${letter.toUpperCase()}</a></li>`)}
  </ul>`;
}

function citiesByLetter(site: Site): Map<string, City[]> {
  const sorted = site.cities.toSorted((a, b) => (a.slug < b.slug ? -1 : 1));
  return Map.groupBy(sorted, (city) => city.slug[0]!);
}
