export default {
  routes: {
    '/electricity-plans/:city': { tags: ['city::ctiy', 'city:city', 'plans'] },
    '/about': { tags: [':page'] },
  },
};
