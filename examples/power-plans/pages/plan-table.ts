import { bill, cents, plural, term } from '../format.ts';
import { html, type Html } from '../html.ts';
import type { Plan } from '../plans.ts';

/**
 * Plans side by side, in the order given. On a narrow screen each row stands as a card.
 * @param lowest the plan to mark as the lowest in price, if any.
 */
export function planTable(plans: readonly Plan[], caption: string, lowest?: Plan): Html {
  return html`<div class="scroll">
    <table class="plans">
      <caption>
        ${caption}
      </caption>
      <thead>
        <tr>
          <th scope="col">Plan</th>
          <th scope="col">Term</th>
          <th scope="col">Renewable</th>
          <th scope="col" class="n">500 kWh</th>
          <th scope="col" class="n">1,000 kWh</th>
          <th scope="col" class="n">2,000 kWh</th>
          <th scope="col" class="n">Leaving early</th>
        </tr>
      </thead>
      <tbody>
        ${plans.map((plan) => row(plan, plan === lowest))}
      </tbody>
    </table>
  </div>`;
}

function row(plan: Plan, best: boolean): Html {
  return html`<tr class="${best ? 'best' : 'plan'}">
    <th scope="row"><a href="/plans/${plan.id}">${plan.name}</a> <span>${plan.provider}</span></th>
    <td data-l="Term">${term(plan)} <i>${plan.rate}</i></td>
    <td data-l="Renewable">${renewable(plan)}</td>
    <td class="n" data-l="500 kWh">${cents(plan.price500)}</td>
    <td class="n key" data-l="1,000 kWh">${cents(plan.price1000)} <i>${bill(plan.price1000, 1000)}/mo</i></td>
    <td class="n" data-l="2,000 kWh">${cents(plan.price2000)}</td>
    <td class="n" data-l="Leaving early">${fee(plan)}</td>
  </tr>`;
}

export function renewable(plan: Plan): Html {
  return plan.renewable === 100 ? html`<b class="green">100%</b>` : html`${plan.renewable}%`;
}

export function fee(plan: Plan): string {
  return plan.cancellationFee === 0 ? 'Free' : `$${plan.cancellationFee}`;
}

const WIDTH = 720;
const AXIS = 58;

/** Every plan as a dot along its price at 1,000 kWh; dots that would touch are stacked. */
export function priceStrip(plans: readonly Plan[]): Html {
  const prices = plans.map((plan) => plan.price1000);
  const from = Math.floor(Math.min(...prices) / 100) - 0.3;
  const to = Math.ceil(Math.max(...prices) / 100) + 0.3;
  const x = (centsPerKwh: number): number => Math.round(((centsPerKwh - from) / (to - from)) * WIDTH);
  const taken: { at: number; level: number }[] = [];
  const dots = plans.map((plan) => {
    const at = x(plan.price1000 / 100);
    let level = 0;
    while (taken.some((other) => other.level === level && Math.abs(other.at - at) < 13)) level++;
    taken.push({ at, level });
    return html`<circle cx="${at}" cy="${AXIS - 10 - level * 13}" r="5.5" class="${plan.renewable === 100 ? 'g' : 'o'}"
      ><title>${plan.provider} ${plan.name}: ${cents(plan.price1000)}</title></circle
    >`;
  });
  const height = Math.max(...taken.map((dot) => dot.level)) * 13 + 20;
  // At most a dozen labels, or they run into each other.
  const step = Math.max(1, Math.ceil((to - from) / 12));
  const ticks = Array.from(
    { length: Math.floor((Math.floor(to) - Math.ceil(from)) / step) + 1 },
    (_, at) => Math.ceil(from) + at * step,
  );
  const label = `${plural(plans.length, 'plan')} from ${cents(Math.min(...prices))} to ${cents(Math.max(...prices))} a kilowatt-hour at 1,000 kWh a month`;
  return html`<figure class="strip">
    <svg viewBox="0 ${AXIS - height} ${WIDTH} ${height + 26}" role="img" aria-label="${label}">
      <path d="M0 ${AXIS}H${WIDTH}" />
      ${ticks.map((tick) => html`<text x="${x(tick)}" y="${AXIS + 20}">${tick}¢</text>`)}${dots}
    </svg>
    <figcaption>
      Each dot is a plan, placed by its price per kWh at 1,000 kWh a month. <span class="key-g">Green: 100% renewable.</span>
    </figcaption>
  </figure>`;
}
