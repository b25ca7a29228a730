/** What each kind of traffic on the site deserves. Every layer of Spillway reads this one file. */
import { defineConfig } from 'spillway';

const {
  PORT = '8080',
  ADMIN_PORT = '9901',
  SITE_ENDPOINTS = 'http://127.0.0.1:3001',
  REDIS_URL,
  DATABASE_URL,
  POWER_PLANS_DATA,
} = process.env;

export default defineConfig({
  listen: { port: Number(PORT) },
  admin: { port: Number(ADMIN_PORT) },
  workers: 'auto',
  upstreams: {
    site: { endpoints: SITE_ENDPOINTS.split(','), strategy: 'leastConnections' },
  },
  redis: REDIS_URL,
  database: DATABASE_URL,
  health: { name: 'power-plans' },
  history: POWER_PLANS_DATA === 'memory' ? {} : { file: '.spillway/history.db' },
  classes: {
    // A price change renews a page at once; for the rest a city page may be 15 minutes old, and a day when the site is down.
    // No page depends on its query: one copy serves whatever a link from elsewhere has added.
    critical: { revalidate: '15m', memoryTtl: '5m', storeTtl: '2h', grace: '24h', query: [], slo: { p95: '1s' } },
    high: { query: [] },
    low: { query: [] },
  },
  routes: {
    '/': { class: 'critical', tags: ['home'] },
    '/electricity-plans/:city': { class: 'critical', tags: ['city::city', 'plans'] },
    '/electricity-plans/:city/:filters': { class: 'high', tags: ['city::city', 'plans'] },
    '/plans/:id': { class: 'high', tags: ['plan::id', 'plans'] },
    '/cities/:letter': { class: 'low', tags: ['cities'] },
    '/sitemap.xml': { class: 'low', tags: ['sitemap'] },
    '/sitemap-1.xml': { class: 'low', tags: ['sitemap'] },
    '/robots.txt': { class: 'low' },
    '/search': { class: 'normal', cache: false, limit: [{ limit: 100, window: '1m' }] },
    '/api/**': { class: 'normal', cache: false, limit: [{ limit: 1000, window: '1m', by: 'apiKey' }] },
    '/api/admin/**': { class: 'high', cache: false, limit: [{ limit: 10, window: '1m' }] },
    '/admin/**': { class: 'high', cache: false, limit: [{ limit: 10, window: '1m' }] },
    '/static/**': { class: 'static' },
    // Whatever else is asked for: the site says what it is not.
    '/**': { class: 'low', cache: false },
  },
  routePlan: async () => (await import('./page-plan.ts')).planPages(),
});
