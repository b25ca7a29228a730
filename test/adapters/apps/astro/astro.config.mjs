import node from '@astrojs/node';
import { defineConfig } from 'astro/config';
import spillway from 'spillway/astro';

export default defineConfig({
  output: 'server',
  adapter: node({ mode: 'standalone' }),
  outDir: './.output',
  image: { service: { entrypoint: 'astro/assets/services/noop' } },
  security: { checkOrigin: false },
  integrations: [spillway({ routes: { '/plans/:city': { class: 'critical', tags: ['city::city'] } } })],
});
