import { page, type Answer } from '../answer.ts';
import type { City } from '../cities.ts';
import { FILTERS, matchesAll, vocabulary, type FilterName } from '../filters.ts';
import { bill, cents, miles, plural, whole } from '../format.ts';
import { html, type Html } from '../html.ts';
import type { Plan } from '../plans.ts';
import type { Site } from '../site.ts';
import { UTILITY_AREAS } from '../utility-areas.ts';
import { layout } from './layout.ts';
import { planTable, priceStrip } from './plan-table.ts';

const GROUPS: readonly { readonly name: string; readonly filters: readonly FilterName[] }[] = [
  { name: 'Term', filters: ['month-to-month', '3-month', '6-month', '12-month', '18-month', '24-month', '36-month'] },
  { name: 'Rate', filters: ['fixed-rate', 'variable-rate'] },
  { name: 'More', filters: ['green-energy', 'no-cancellation-fee'] },
];

/** A city's page, as a whole or narrowed by filters in canonical order. */
export async function cityPage(site: Site, city: City, filters: readonly FilterName[]): Promise<Answer> {
  const all = await site.store.plansIn(city.utilityArea);
  const plans = all.filter((plan) => matchesAll(plan, filters));
  const heading = `${headingOf(filters)} in ${city.name}`;
  const home = cityPath(city, []);
  const body = layout(site, {
    title: `${heading}, Texas`,
    description: descriptionOf(city, plans, filters),
    // A page that shows no plan need not be found.
    path: plans.length > 0 ? cityPath(city, filters) : undefined,
    trail: [{ href: '/', name: 'Texas' }, ...(filters.length > 0 ? [{ href: home, name: city.name }] : [])],
    main: html`<div class="wrap">
      <h1>${heading}</h1>
      ${intro(city, plans, filters)} ${chooser(city, all, filters)} ${plans.length > 0 ? results(plans) : nothing(city, filters)}
      ${filters.length === 0 && utility(city)} ${filters.length === 0 && questions(city, plans)} ${nearby(site, city, filters)}
    </div>`,
  });
  return page(body, tagsOf(city, plans));
}

/** A price change finds every page that shows the plan by `plan:<id>`. */
function tagsOf(city: City, plans: readonly Plan[]): string[] {
  return [`city:${city.slug}`, 'plans', ...plans.map((plan) => `plan:${plan.id}`)];
}

export function cityPath(city: City, filters: readonly string[]): string {
  return `/electricity-plans/${city.slug}${filters.length > 0 ? `/${filters.join('+')}` : ''}`;
}

function headingOf(filters: readonly FilterName[]): string {
  if (filters.length === 0) return 'Electricity plans';
  const phrase = filters.map((name) => FILTERS[name].phrase).join(' ');
  return `${phrase[0]!.toUpperCase()}${phrase.slice(1)} electricity plans`;
}

function descriptionOf(city: City, plans: readonly Plan[], filters: readonly FilterName[]): string {
  if (plans.length === 0) return `No plan in ${city.name}, Texas matches this choice today.`;
  return `${plural(plans.length, headingOf(filters).toLowerCase().replace(/s$/, ''))} in ${city.name}, Texas, from ${cents(plans[0]!.price1000)} per kWh. Compare term, rate, renewable share and fees.`;
}

function intro(city: City, plans: readonly Plan[], filters: readonly FilterName[]): Html | undefined {
  if (plans.length === 0) return undefined;
  const best = plans[0]!;
  const green = plans.filter((plan) => plan.renewable === 100);
  const providers = new Set(plans.map((plan) => plan.provider)).size;
  return html`<dl class="figures">
    <div>
      <dt>Lowest price at 1,000 kWh</dt>
      <dd>${cents(best.price1000)} <i>${bill(best.price1000, 1000)} a month</i></dd>
    </div>
    <div>
      <dt>Plans to choose from</dt>
      <dd>${plans.length} <i>${plural(providers, 'provider')}</i></dd>
    </div>
    ${
      green.length > 0 && !filters.includes('green-energy')
        ? html`<div>
            <dt>Fully renewable</dt>
            <dd>${green.length} <i>from ${cents(green[0]!.price1000)}</i></dd>
          </div>`
        : html`<div>
            <dt>Wires</dt>
            <dd class="w">${UTILITY_AREAS[city.utilityArea].name}</dd>
          </div>`
    }
  </dl>`;
}

/** One link per filter: it adds the filter, takes it away, or changes it for another of its group. */
function chooser(city: City, all: readonly Plan[], filters: readonly FilterName[]): Html {
  return html`<nav class="chooser" aria-label="Narrow the choice">
    ${GROUPS.map((group) => {
      const links = group.filters.map((name) => chip(city, all, filters, name));
      return (
        links.some(Boolean) &&
        html`<div>
          <h2>${group.name}</h2>
          <ul>
            ${links}
          </ul>
        </div>`
      );
    })}
  </nav>`;
}

function chip(city: City, all: readonly Plan[], filters: readonly FilterName[], name: FilterName): Html | undefined {
  const { label } = FILTERS[name];
  if (filters.includes(name)) {
    const without = vocabulary.canonicalOrder(filters.filter((other) => other !== name)) ?? [];
    return html`<li>
      <a class="on" href="${cityPath(city, without)}"><span class="unseen">Remove: </span>${label}</a>
    </li>`;
  }
  const kept = filters.filter((other) => vocabulary.canonicalOrder([other, name]));
  const withIt = vocabulary.canonicalOrder([...kept, name]) as readonly FilterName[];
  const count = all.filter((plan) => matchesAll(plan, withIt)).length;
  if (count === 0) return undefined;
  return html`<li>
    <a href="${cityPath(city, withIt)}">${label} <i>${count}</i></a>
  </li>`;
}

function results(plans: readonly Plan[]): Html {
  return html`<section aria-labelledby="compare">
    <h2 id="compare">${plans.length > 1 ? `Compare ${plans.length} plans` : 'The one plan'}</h2>
    ${plans.length > 5 && priceStrip(plans)}
    ${planTable(plans, 'All-in prices per kWh by monthly use, delivery included; lowest at 1,000 kWh first.', plans.length > 1 ? plans[0] : undefined)}
  </section>`;
}

function nothing(city: City, filters: readonly FilterName[]): Html {
  return html`<section class="empty">
    <p>
      No plan in ${city.name} is ${filters.map((name) => FILTERS[name].phrase).join(' and ')} today. Take a filter away above, or
      <a href="${cityPath(city, [])}">see every plan</a>.
    </p>
  </section>`;
}

function utility(city: City): Html {
  const area = UTILITY_AREAS[city.utilityArea];
  return html`<section class="area" aria-labelledby="wires">
    <h2 id="wires">Who delivers power in ${city.name}?</h2>
    <p><b>${area.name}</b> does, whichever provider you choose. ${area.about}</p>
    <p>
      The provider buys the energy and sends the bill. The utility owns the wires, reads the meter and mends what a storm breaks.
      Its charges are the same on every plan and are part of the prices above.
    </p>
  </section>`;
}

function questions(city: City, plans: readonly Plan[]): Html {
  const find = (matches: (plan: Plan) => boolean): Plan | undefined => plans.find(matches);
  const cheapest = plans[0]!;
  const year = find((plan) => plan.termMonths === 12 && plan.rate === 'fixed');
  const green = find((plan) => plan.renewable === 100);
  const free = plans.filter((plan) => plan.cancellationFee === 0);
  const mean = plans.reduce((sum, plan) => sum + plan.price1000, 0) / plans.length;
  const saved = bill(mean - cheapest.price1000, 12_000);
  const link = (plan: Plan): Html => html`<a href="/plans/${plan.id}">${plan.provider} ${plan.name}</a>`;
  return html`<section class="faq" aria-labelledby="faq">
    <h2 id="faq">Questions and answers</h2>
    <details open>
      <summary>What is the cheapest electricity plan in ${city.name}?</summary>
      <p>
        ${link(cheapest)}, at ${cents(cheapest.price1000)} per kWh for 1,000 kWh a month: about ${bill(cheapest.price1000, 1000)}.
        A year on it costs ${saved} less than on the average of all ${plans.length} plans.
      </p>
    </details>
    ${
      year &&
      html`<details>
        <summary>What does a 12-month fixed rate cost?</summary>
        <p>
          From ${cents(year.price1000)} per kWh with ${link(year)}. The energy price stays the same for the year; leaving early
          costs ${year.cancellationFee === 0 ? 'nothing' : `$${year.cancellationFee}`}.
        </p>
      </details>`
    }
    ${
      green &&
      html`<details>
        <summary>Is there 100% renewable electricity in ${city.name}?</summary>
        <p>
          Yes: ${plural(plans.filter((plan) => plan.renewable === 100).length, 'plan')}, the cheapest being ${link(green)} at
          ${cents(green.price1000)} per kWh.
        </p>
      </details>`
    }
    ${
      free.length > 0 &&
      html`<details>
        <summary>Can I leave whenever I like?</summary>
        <p>
          With ${plural(free.length, 'plan')} you can; ${link(free[0]!)} is the cheapest of them, at ${cents(free[0]!.price1000)}
          per kWh.
        </p>
      </details>`
    }
    <details>
      <summary>Why is the price per kWh different at 500 and 2,000 kWh?</summary>
      <p>
        Part of a bill is fixed by the month and weighs more when you use little, and some plans give a credit from 1,000 kWh on.
        Compare at the use that is yours.
      </p>
    </details>
  </section>`;
}

function nearby(site: Site, city: City, filters: readonly FilterName[]): Html {
  const seat = city.countySeat ? ', the seat of its county,' : '';
  return html`<section aria-labelledby="near">
    <h2 id="near">Near ${city.name}</h2>
    <p>${city.name}${seat} has ${whole(city.population)} inhabitants. The closest places:</p>
    <ul class="near">
      ${site.neighbours(city).map(({ city: other, miles: distance }) => html`<li><a href="${cityPath(other, filters)}">${other.name}</a> <i>${miles(distance)}</i></li>`)}
    </ul>
  </section>`;
}
