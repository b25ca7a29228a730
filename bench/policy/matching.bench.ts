import { createRequire } from 'node:module';
import { addRoute, createRouter, findRoute } from 'rou3';
import { compileRouter } from 'rou3/compiler';
import { createPolicy } from '../../src/policy/index.ts';
import { defineBench, type Operation } from '../harness/index.ts';

const require = createRequire(import.meta.url);

/** In the spelling that all of them share; find-my-way writes the rest of a path as `*`. */
const PATTERNS = [
  '/',
  '/sitemap.xml',
  '/electricity-plans/:city',
  '/electricity-plans/:city/:filters',
  '/plans/:provider/:plan',
  '/api/**',
  '/admin/**',
  '/static/**',
];

const paths = Array.from({ length: 1024 }, (_, i) => [
  `/electricity-plans/city-${i}`,
  `/electricity-plans/city-${i}/12-month+fixed-rate`,
  `/api/v1/plans/${i}`,
  `/static/app-${i}.js`,
]).flat();

/** Keeps the parameter's length, so that nobody's engine can leave the work out. */
function over(length: (path: string) => number): Operation {
  let sum = 0;
  return {
    run: (count) => {
      for (let i = 0; i < count; i++) sum += length(paths[i & 4095]!);
    },
    figures: () => ({ checksum: sum % 1000 }),
  };
}

export default defineBench({
  name: 'policy/matching',
  title: 'Finding the route of a request',
  what: 'One of 8 patterns is found for one of 4,096 paths, with its parameters. rou3 compiled generates code at start; the others walk a tree.',
  unit: 'lookup',
  baseline: 'rou3',
  contenders: {
    spillway: {
      kind: 'operation',
      prepare: () => {
        const policy = createPolicy({ routes: Object.fromEntries(PATTERNS.map((pattern) => [pattern, {}])) });
        return over((path) => policy.match('GET', path)?.params['city']?.length ?? 0);
      },
    },
    rou3: {
      kind: 'operation',
      prepare: () => {
        const router = createRouter<string>();
        for (const pattern of PATTERNS) addRoute(router, '', pattern, pattern);
        return over((path) => findRoute(router, 'GET', path)?.params?.['city']?.length ?? 0);
      },
    },
    'rou3 compiled': {
      kind: 'operation',
      prepare: () => {
        const router = createRouter<string>();
        for (const pattern of PATTERNS) addRoute(router, '', pattern, pattern);
        const find = compileRouter(router);
        return over((path) => find('GET', path)?.params?.['city']?.length ?? 0);
      },
    },
    'find-my-way': {
      kind: 'operation',
      prepare: () => {
        interface Router {
          on(method: string, path: string, handler: () => void): void;
          find(method: string, path: string): { params: Record<string, string | undefined> } | null;
        }
        const router = (require('find-my-way') as () => Router)();
        for (const pattern of PATTERNS) router.on('GET', pattern.replace('**', '*'), () => {});
        return over((path) => router.find('GET', path)?.params['city']?.length ?? 0);
      },
    },
  },
});
