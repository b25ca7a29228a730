import { createPolicy } from '../../policy/index.ts';
import type { AstroIntegration } from './astro-types.ts';
import { policyOf, type AstroOptions } from './options.ts';

const MIDDLEWARE_ID = 'virtual:spillway/middleware';

/** `Astro.locals.spillway`, for the site's own type check. */
const LOCALS_TYPES = `declare namespace App {
  interface Locals {
    spillway: import('spillway/astro').SpillwayLocals;
  }
}
`;

/**
 * The Astro integration: pages say what they depend on, and Spillway's gateway in front keeps them for exactly so long.
 *
 * ```js
 * // astro.config.mjs
 * import spillway from 'spillway/astro';
 * export default defineConfig({
 *   integrations: [spillway({ routes: { '/plans/:city': { class: 'critical', tags: ['city::city'] } } })],
 * });
 * ```
 * @throws ConfigError when a class or a route is wrong.
 */
export function spillway(options: AstroOptions = {}): AstroIntegration {
  createPolicy(policyOf(options));
  return {
    name: 'spillway',
    hooks: {
      'astro:config:setup': ({ config, updateConfig, addMiddleware }) => {
        updateConfig({
          vite: { plugins: [middlewareModule(options)] },
          ...(!config.cache?.provider && { cache: { provider: { name: 'spillway', entrypoint: 'spillway/astro/provider' } } }),
        });
        addMiddleware({ order: 'pre', entrypoint: MIDDLEWARE_ID });
      },
      'astro:config:done': ({ injectTypes }) => {
        injectTypes({ filename: 'spillway.d.ts', content: LOCALS_TYPES });
      },
    },
  };
}

/** The middleware with the options in it, for the server that is built knows nothing of `astro.config`. */
function middlewareModule(options: AstroOptions) {
  const code = `import { createAstroMiddleware } from 'spillway/astro/middleware';
export const onRequest = createAstroMiddleware(${JSON.stringify(policyOf(options))});
`;
  return {
    name: 'spillway',
    resolveId: (id: string) => (id === MIDDLEWARE_ID ? `\0${id}` : undefined),
    load: (id: string) => (id === `\0${MIDDLEWARE_ID}` ? code : undefined),
  };
}
