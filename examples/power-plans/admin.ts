import { createHash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { json, privatePage, problem, redirect, type Answer } from './answer.ts';
import { fieldProblems, refused, toJson } from './api.ts';
import { cents } from './format.ts';
import { html, type Html, type Piece } from './html.ts';
import { layout } from './pages/layout.ts';
import type { Site } from './site.ts';
import type { PriceChange } from './store/store.ts';
import { UTILITY_AREAS } from './utility-areas.ts';

/** Cents per kWh at 1,000 kWh a month. */
const price = z.number().min(1, 'a price from 1 to 99 cents').max(99, 'a price from 1 to 99 cents');
const priceBody = z.strictObject({ price });
const priceForm = z.strictObject({
  token: z.string(),
  plan: z
    .string()
    .regex(/^\d{1,9}$/, 'a plan number')
    .transform(Number),
  price: z
    .string()
    .trim()
    .regex(/^\d{1,2}(?:\.\d{1,2})?$/, 'a price in cents such as 12.5')
    .transform(Number)
    .pipe(price),
});

/** `POST /api/admin/plans/:id/price` with `{"price": 12.5}` and the token as bearer. */
export async function changePriceByApi(site: Site, id: number, authorization: string | undefined, body: string): Promise<Answer> {
  const token = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  if (!tokenMatches(site, token)) {
    const answer = problem(401, 'Unauthorized', 'Changing a price needs the admin token: Authorization: Bearer …');
    return { ...answer, headers: { 'www-authenticate': 'Bearer realm="prices"' } };
  }
  const parsed = priceBody.safeParse(parseJson(body));
  if (!parsed.success) return refused(parsed.error.issues.flatMap(fieldProblems));
  const change = await changePrice(site, id, parsed.data.price);
  if (!change) return problem(404, 'Not Found', `There is no plan ${id}.`);
  return json({
    plan: toJson(change.plan),
    before: change.before / 100,
    after: change.after / 100,
    changePercent: percent(change),
    reported: change.reported,
  });
}

/** The form of `/admin/prices`. */
export async function pricesPage(site: Site, notice?: Piece, status = 200): Promise<Answer> {
  const plans = await site.store.allPlans();
  return privatePage(
    layout(site, {
      title: 'Prices',
      description: 'Change the price of a plan.',
      path: undefined,
      main: html`<div class="wrap">
        <h1>Prices</h1>
        ${notice && html`<p class="notice" role="status">${notice}</p>`}
        <p>A change of 5% or more renews the pages that show the plan at once; a smaller one waits for their schedule.</p>
        <form class="admin" method="post" action="/admin/prices">
          <label
            >Plan<select name="plan">
              ${plans.map((plan) => html`<option value="${plan.id}">${plan.id} · ${UTILITY_AREAS[plan.utilityArea].name} · ${plan.provider} ${plan.name} · ${cents(plan.price1000)}</option>`)}
            </select></label
          >
          <label
            >New price at 1,000 kWh, cents per kWh<input
              name="price"
              inputmode="decimal"
              required
              pattern="[0-9]{1,2}([.][0-9]{1,2})?"
              placeholder="12.5"
              autocomplete="off"
          /></label>
          <label>Token<input name="token" type="password" autocomplete="current-password" required /></label>
          <button>Change the price</button>
        </form>
      </div>`,
    }),
    status,
  );
}

/** The form's `POST /admin/prices`. The token travels in the form, so no other site can send it. */
export async function changePriceByForm(site: Site, body: string): Promise<Answer> {
  const parsed = priceForm.safeParse(Object.fromEntries(new URLSearchParams(body)));
  if (!parsed.success) {
    const wrong = parsed.error.issues.flatMap(fieldProblems);
    return pricesPage(
      site,
      wrong.map(({ field, message }) => `${field}: ${message}. `),
      400,
    );
  }
  if (!tokenMatches(site, parsed.data.token)) return pricesPage(site, 'That is not the token this site was started with.', 403);
  const change = await changePrice(site, parsed.data.plan, parsed.data.price);
  return change ? redirect(`/admin/prices?changed=${change.plan.id}`, 303) : pricesPage(site, 'There is no such plan.', 404);
}

/** What the form says after a change. */
export async function changedNotice(site: Site, id: number): Promise<Html | undefined> {
  const plan = await site.store.plan(id);
  return plan && html`<a href="/plans/${plan.id}">${plan.provider} ${plan.name}</a> is at ${cents(plan.price1000)} now.`;
}

async function changePrice(site: Site, id: number, price: number): Promise<(PriceChange & { reported: string }) | undefined> {
  const cheapestBefore = await cheapestOf(site);
  const change = await site.store.setPrice(id, Math.round(price * 100));
  if (!change) return undefined;
  const { utilityArea } = change.plan;
  const [before, after] = [cheapestBefore.get(utilityArea)!, (await cheapestOf(site)).get(utilityArea)!];
  try {
    if (!site.options.reportChange) return { ...change, reported: 'nobody listens' };
    await site.options.reportChange({ tag: `plan:${id}`, field: 'price', before: change.before, after: change.after });
    // The first page shows the cheapest plan of each area, whichever that is.
    if (before !== after) await site.options.reportChange({ tag: `cheapest:${utilityArea}`, field: 'price', before, after });
    return { ...change, reported: 'accepted' };
  } catch (error) {
    console.error(`The change of plan ${id} could not be reported: ${(error as Error).message}`);
    return { ...change, reported: `failed: ${(error as Error).message}` };
  }
}

async function cheapestOf(site: Site): Promise<Map<string, number>> {
  return new Map((await site.store.cheapest()).map((plan) => [plan.utilityArea, plan.price1000]));
}

function percent({ before, after }: PriceChange): number {
  return Math.round(((after - before) / before) * 1000) / 10;
}

/** Compares digests: as long for a wrong token as for a nearly right one. */
function tokenMatches(site: Site, token: string | undefined): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return token !== undefined && timingSafeEqual(digest(token), digest(site.options.adminToken));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
