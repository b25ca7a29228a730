const shortLived = { storeTtl: '5m', memoryTtl: '10m' };

export default {
  workers: { min: 4, max: 2 },
  classes: {
    low: { revalidate: '3d' },
    flash: shortLived,
  },
  routes: {
    '/api/**': { cache: false, revalidate: '1m' },
    '/login': { limit: [{ limit: 10, window: '1m', burst: 20 }] },
  },
};
