import { cities } from './cities.ts';

export default { routes: Object.fromEntries(cities.map((city) => [`/${city}`, {}])) };
