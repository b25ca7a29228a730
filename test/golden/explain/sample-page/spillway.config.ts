// spillway.config.ts — Node runs it as it is


export default {
  listen: { port: 8080 },
  admin: { port: 9901 },                          // metrics, health, dashboard, control; loopback unless a token is set
  upstreams: { site: { endpoints: ['http://127.0.0.1:3001', 'http://127.0.0.1:3002'], strategy: 'leastConnections' } },
  redis: process.env.REDIS_URL,                   // absent: in memory
  database: process.env.DATABASE_URL,
  classes: { critical: { revalidate: '15m', memoryTtl: '5m', storeTtl: '2h', grace: '24h', slo: { p95: '1s' } } },   // merges over the built-in
  routes: {
    '/electricity-plans/:city':           { class: 'critical', upstream: 'site', tags: ['city::city', 'plans'] },
    '/electricity-plans/:city/:filters':  { class: 'high',     upstream: 'site', tags: ['city::city', 'plans'] },
    '/api/**':                            { class: 'normal',   upstream: 'site', cache: false, limit: [{ limit: 1000, window: '1m', by: 'apiKey' }] },
    '/admin/**':                          { class: 'high',     upstream: 'site', cache: false, limit: [{ limit: 10, window: '1m' }] },
    '/static/**':                         { class: 'static',   upstream: 'site' },
  },
};
