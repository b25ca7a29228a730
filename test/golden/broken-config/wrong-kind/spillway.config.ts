export default {
  listen: { port: '8080' },
  upstreams: { site: { endpoints: 'http://127.0.0.1:3001', strategy: 'least connections' } },
  workers: 'all',
  routes: {
    '/static/**': { class: 'static', cache: 'yes', tags: 'assets', limit: { limit: 10, window: '1m' } },
  },
};
