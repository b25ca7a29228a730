import { defineCachedHandler } from 'nitro/runtime';
import { count } from '../../lib/count.js';

export default defineCachedHandler((event) => count(event, 'plans'), { name: 'plans', maxAge: 2, swr: true });
