import { defineCachedHandler } from 'nitro/runtime';
import { count } from '../../lib/count.js';

export default defineCachedHandler((event) => count(event, 'prices'), { name: 'prices', maxAge: 3600, swr: true });
