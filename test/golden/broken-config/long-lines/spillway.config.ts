export default {
  upstreams: { site: { endpoints: ['http://127.0.0.1:3001', 'http://127.0.0.1:3002', 'http://127.0.0.1:3003'], maxConnections: 64, strategy: 'leastConnection', timeout: '10s', bodyTimeout: '30s' } },
  routes: {
    '/electricity-plans/:city/:filters': { class: 'high', upstream: 'site', tags: ['city::city', 'plans'], revalidate: '10m', memoryTtl: '1m', storeTtl: '30m', graec: '2h' },
    '/a': { clas: 'high', upstream: 'site', tags: ['city', 'plans', 'a-rather-long-tag', 'another-rather-long-tag'], revalidate: '10m', memoryTtl: '1m' },
  },
};
