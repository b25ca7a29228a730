/**
 * A load on the site: `npm run spillway -- load examples/power-plans/load.ts --html run.html` while `npm start` runs. People
 * come from a search to a city's page, most of them to a few large cities, and look at a filter or two.
 */
import { constant, defineLoad, ramp } from 'spillway/load';
import type { PlannedRoute } from 'spillway/routes';
import { planPages } from './page-plan.ts';

/** How much oftener a page of a tier is asked for than one of tier 3. */
const WEIGHT_OF_TIER = { 1: 20, 2: 5, 3: 1 };

const routes: PlannedRoute[] = [];
for await (const route of planPages()) routes.push(route);

/** Pages by where they stand in the sum of all weights, so that a random number finds one. */
const upTo: number[] = [];
let sum = 0;
for (const { city } of routes) upTo.push((sum += WEIGHT_OF_TIER[city.tier]));

function pageAt(random: number): PlannedRoute {
  const point = random * sum;
  let [low, high] = [0, upTo.length - 1];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (upTo[middle]! > point) high = middle;
    else low = middle + 1;
  }
  return routes[low]!;
}

export default defineLoad({
  target: 'http://127.0.0.1:8080',
  arrival: ramp('10/s', '100/s').for('10s').followedBy(constant('100/s').for('30s')),
  scenarios: {
    browse: {
      weight: 9,
      exec: async ({ get, check, random, think }) => {
        const landing = pageAt(random());
        const first = await get(landing.path, { class: landing.priority, name: `tier ${landing.city.tier}` });
        check('the page is there', first.status === 200);
        if (random() < 0.5) return;
        await think('1s', '3s');
        const next = pageAt(random());
        await get(next.path, { class: next.priority, name: `tier ${next.city.tier}` });
      },
    },
    search: {
      weight: 1,
      class: 'normal',
      exec: async ({ get, check }) => {
        const answer = await get('/search?q=dal', { name: 'search', expect: [200, 303, 429] });
        check('the search answers', answer.status > 0);
      },
    },
  },
  thresholds: {
    'latency{name:tier 1}': ['p(95)<1000'],
    'latency{name:tier 2}': ['p(95)<1500'],
    'latency{name:tier 3}': ['p(95)<2000'],
    errors: ['rate<0.01'],
  },
});
