export default {
  routes: {
    'electricity-plans': {},
    '/files/*.png': {},
    '/docs/**/edit': {},
    '/plans/:plan-id': {},
    'get /login': {},
    '/search?q=:query': {},
    '/cities/:city': {},
    '/cities/:name/': {},
  },
};
