export default {
  upstreams: {
    site: { endpoints: ['http://127.0.0.1:3001'] },
    api: { endpoints: ['http://127.0.0.1:4001'] },
  },
  routes: {
    '/electricity-plans/:city': { class: 'critcal', upstream: 'site' },
    '/api/**': { class: 'api', upstream: 'apis' },
    '/about': {},
  },
};
