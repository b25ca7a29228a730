import { page, type Answer } from '../answer.ts';
import { bill, cents, term } from '../format.ts';
import { html, type Html } from '../html.ts';
import { USAGES, type Plan } from '../plans.ts';
import type { Site } from '../site.ts';
import { UTILITY_AREAS } from '../utility-areas.ts';
import { cityPath } from './city.ts';
import { layout } from './layout.ts';
import { fee, planTable, renewable } from './plan-table.ts';

const SIMILAR = 4;

export async function planPage(site: Site, plan: Plan): Promise<Answer> {
  const area = UTILITY_AREAS[plan.utilityArea];
  const similar = similarTo(plan, await site.store.plansIn(plan.utilityArea));
  const largest = site.cities.filter((city) => city.utilityArea === plan.utilityArea).slice(0, 8);
  const body = layout(site, {
    title: `${plan.name} by ${plan.provider}`,
    description: `${plan.name} by ${plan.provider}: ${term(plan).toLowerCase()}, ${plan.rate} rate, ${plan.renewable}% renewable, ${cents(plan.price1000)} per kWh at 1,000 kWh, in the ${area.name} area.`,
    path: `/plans/${plan.id}`,
    trail: [{ href: '/', name: 'Texas' }],
    main: html`<div class="wrap">
      <h1>${plan.name} <small>by ${plan.provider}</small></h1>
      <dl class="figures">${USAGES.map((usage) => price(plan, usage))}</dl>
      <section aria-labelledby="facts">
        <h2 id="facts">The facts</h2>
        <table class="facts">
          <tbody>
            ${fact('Term', term(plan))}${fact('Rate', plan.rate === 'fixed' ? 'Fixed: the energy price holds for the term' : 'Variable: the energy price may change each month')}${fact('Renewable energy', renewable(plan))}${fact('Cancellation fee', fee(plan))}${fact('Delivery', `${area.name}, ${area.region}`)}${fact('Plan number', plan.id)}
          </tbody>
        </table>
      </section>
      <section aria-labelledby="where">
        <h2 id="where">Where you can have it</h2>
        <p>Everywhere in the ${area.name} area, for example in:</p>
        <ul class="near">
          ${largest.map((city) => html`<li><a href="${cityPath(city, [])}">${city.name}</a></li>`)}
        </ul>
      </section>
      ${
        similar.length > 0 &&
        html`<section aria-labelledby="similar">
          <h2 id="similar">Plans like it</h2>
          ${planTable(similar, 'Plans of the closest term in the same area, lowest at 1,000 kWh first.')}
        </section>`
      }
    </div>`,
  });
  return page(body, ['plans', ...[plan, ...similar].map((shown) => `plan:${shown.id}`)]);
}

/** Which plans are like another does not hang on their prices: a price change touches only pages that show the plan. */
function similarTo(plan: Plan, others: readonly Plan[]): Plan[] {
  const distance = (other: Plan): number => Math.abs(other.termMonths - plan.termMonths) * 2 + Number(other.rate !== plan.rate);
  return others
    .filter((other) => other.id !== plan.id)
    .toSorted((a, b) => distance(a) - distance(b) || a.id - b.id)
    .slice(0, SIMILAR)
    .toSorted((a, b) => a.price1000 - b.price1000);
}

function price(plan: Plan, usage: (typeof USAGES)[number]): Html {
  const value = { 500: plan.price500, 1000: plan.price1000, 2000: plan.price2000 }[usage];
  return html`<div>
    <dt>${usage.toLocaleString('en-US')} kWh a month</dt>
    <dd>${cents(value)} <i>${bill(value, usage)} a month</i></dd>
  </div>`;
}

function fact(name: string, value: Html | string | number): Html {
  return html`<tr>
    <th scope="row">${name}</th>
    <td>${value}</td>
  </tr>`;
}
