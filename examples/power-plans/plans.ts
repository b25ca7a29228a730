import { randomInt, seededRandom, type Random } from 'spillway/kernel';
import { UTILITY_AREA_IDS, type UtilityAreaId } from './utility-areas.ts';

/** How a plan's price moves. */
export type RateKind = 'fixed' | 'variable';

/** Monthly use at which prices are compared, as the state's fact labels do; kWh. */
export const USAGES = [500, 1000, 2000] as const;

/** An electricity plan. Prices are all-in, in hundredths of a cent per kWh: 1234 is 12.34 ¢. */
export interface Plan {
  readonly id: number;
  readonly provider: string;
  readonly name: string;
  readonly utilityArea: UtilityAreaId;
  readonly termMonths: number;
  readonly rate: RateKind;
  /** Share of renewable energy, percent. */
  readonly renewable: number;
  readonly price500: number;
  readonly price1000: number;
  readonly price2000: number;
  /** Dollars for leaving early; 0 where leaving is free. */
  readonly cancellationFee: number;
}

const SEED = 881;
const PLANS_PER_AREA: Record<UtilityAreaId, number> = {
  oncor: 34,
  centerpoint: 28,
  'aep-central': 22,
  'aep-north': 16,
  tnmp: 20,
};
const TERMS = [1, 3, 6, 12, 12, 12, 18, 24, 24, 36] as const;

/** What the wires cost, by area: cents per kWh and dollars a month. Rounded, for this example. */
const DELIVERY: Record<UtilityAreaId, readonly [perKwh: number, perMonth: number]> = {
  oncor: [4.6, 4.2],
  centerpoint: [4.9, 4.4],
  'aep-central': [5.2, 3.2],
  'aep-north': [5.1, 3.2],
  tnmp: [5.8, 7.9],
};

const PROVIDER_NAMES = (
  'Mockingbird,Prickly Pear,Caprock,Live Oak,Yucca,Armadillo,Paintbrush,Mesquite Flat,Javelina,Roadrunner,Juniper Pass,' +
  'Painted Canyon,Wild Sage,Windmill Road,Copper Spur,Lantern,Silver Bend,Ocotillo,Buffalo Grass,Cedar Brake,Dry Fork,' +
  'Kingfisher,Night Heron,Nighthawk,Palo Verde,Quail Run,Rio Claro,Sandhill,Scissortail,Thunderhead,Trinity Bend,' +
  'Whitewing,Willow Bank,Limestone,Red Dirt,North Porch,Tall Pines,Sundial,Big Pasture,Evening Star'
).split(',');
const PROVIDER_KINDS = ['Energy', 'Power', 'Electric', 'Light & Power'];
export const PROVIDERS: readonly string[] = PROVIDER_NAMES.map(
  (name, at) => `${name} ${PROVIDER_KINDS[at % PROVIDER_KINDS.length]}`,
);

const GREEN_NAMES = ['Clear Sky', 'West Wind', 'Sunrise', 'Prairie Breeze', 'Pure Wind', 'Open Range'];
const FIXED_NAMES = ['Steady', 'Simple Saver', 'Front Porch', 'Even Keel', 'Homestead', 'Straight Rate', 'True Value'];
const FREE_NAMES = ['Drifter', 'Flex', 'Easy Come', 'Month by Month', 'No Strings'];

/** Every plan there is, the same ones each time. Providers and plans are invented. */
export function generatePlans(): Plan[] {
  const random = seededRandom(SEED);
  const plans: Plan[] = [];
  const sellers = shuffled([...PROVIDERS, ...PROVIDERS, ...PROVIDERS], random);
  for (const area of UTILITY_AREA_IDS) {
    for (let at = 0; at < PLANS_PER_AREA[area]; at++) plans.push(generatePlan(plans.length + 1, area, at, sellers, random));
  }
  return plans;
}

function generatePlan(id: number, utilityArea: UtilityAreaId, at: number, sellers: readonly string[], random: Random): Plan {
  const termMonths = TERMS[at % TERMS.length]!;
  const rate: RateKind =
    termMonths === 1 ? (random.next() < 0.85 ? 'variable' : 'fixed') : random.next() < 0.9 ? 'fixed' : 'variable';
  const renewable = random.next() < 0.36 ? 100 : [6, 12, 20, 24, 35, 50][randomInt(random, 6)]!;
  const free = termMonths === 1 || random.next() < 0.12;
  return {
    id,
    provider: sellers[id - 1]!,
    name: planName(termMonths, rate, renewable, random),
    utilityArea,
    termMonths,
    rate,
    renewable,
    ...generatePrices(utilityArea, termMonths, rate, renewable, random),
    cancellationFee: free
      ? 0
      : termMonths >= 24
        ? [195, 245, 295][randomInt(random, 3)]!
        : [100, 135, 150][randomInt(random, 3)]!,
  };
}

/** Fisher and Yates' shuffle. */
function shuffled<T>(items: T[], random: Random): T[] {
  for (let last = items.length - 1; last > 0; last--) {
    const other = randomInt(random, last + 1);
    [items[last], items[other]] = [items[other]!, items[last]!];
  }
  return items;
}

function planName(termMonths: number, rate: RateKind, renewable: number, random: Random): string {
  const names = renewable === 100 ? GREEN_NAMES : rate === 'fixed' ? FIXED_NAMES : FREE_NAMES;
  const name = names[randomInt(random, names.length)]!;
  return termMonths === 1 ? name : `${name} ${termMonths}`;
}

function generatePrices(area: UtilityAreaId, termMonths: number, rate: RateKind, renewable: number, random: Random) {
  const [perKwh, perMonth] = DELIVERY[area];
  const energy = 6.4 + 3.2 * random.next() + (rate === 'variable' ? 1.4 : 0) + (renewable === 100 ? 0.5 : 0) - termMonths * 0.015;
  const base = [0, 0, 4.95, 9.95][randomInt(random, 4)]!;
  // Some plans give a credit once a month's use reaches 1,000 kWh.
  const credit = random.next() < 0.18 ? [15, 25, 35][randomInt(random, 3)]! : 0;
  const at = (usage: number): number => {
    const dollars = ((energy + perKwh) * usage) / 100 + base + perMonth - (usage >= 1000 ? credit : 0);
    return Math.round((dollars * 10_000) / usage);
  };
  return { price500: at(500), price1000: at(1000), price2000: at(2000) };
}
