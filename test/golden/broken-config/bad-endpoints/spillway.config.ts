export default {
  upstreams: {
    site: { endpoints: [] },
    api: {},
    search: { endpoints: ['localhost:9200', { adress: 'http://127.0.0.1:9200' }, 'http://127.0.0.1:9200/v1'] },
  },
  redis: 'localhost:6379',
  database: 'mysql://127.0.0.1/shop',
};
