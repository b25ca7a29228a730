/**
 * The named preset: electricity plans in Texas. Tier 1 are the four major metros, tier 2 the secondary ones, every other
 * city is tier 3. Spread it into the options: `planRoutes({ ...TEXAS_ELECTRICITY, cities })`.
 */
export const TEXAS_ELECTRICITY = {
  basePath: '/electricity-plans',
  tiers: {
    1: ['Dallas', 'Houston', 'Austin', 'San Antonio'],
    2: (
      'Fort Worth, Arlington, Plano, Irving, Garland, Frisco, McKinney, Grand Prairie, Denton, Mesquite, Carrollton, ' +
      'Richardson, Lewisville, Allen, Round Rock, Cedar Park, Georgetown, New Braunfels, Pasadena, Pearland, League City, ' +
      'The Woodlands, Sugar Land, Conroe, Galveston, Beaumont, Corpus Christi, Laredo, McAllen, Brownsville, El Paso, Lubbock, ' +
      'Amarillo, Midland, Odessa, Abilene, San Angelo, Wichita Falls, Waco, Killeen, Tyler, College Station'
    ).split(', '),
  },
  maxRoutesPerCity: { 1: 100, 2: 50, 3: 25 },
  filters: {
    'month-to-month': { group: 'term' },
    '3-month': { group: 'term' },
    '6-month': { group: 'term' },
    '12-month': { group: 'term' },
    '18-month': { group: 'term' },
    '24-month': { group: 'term' },
    '36-month': { group: 'term' },
    'fixed-rate': { group: 'rate' },
    'variable-rate': { group: 'rate' },
    'green-energy': {},
    'no-cancellation-fee': {},
  },
  highValue: ['12-month', '24-month', 'fixed-rate', 'green-energy'],
  premium: ['12-month+fixed-rate', 'green-energy+12-month', 'fixed-rate+green-energy'],
};
