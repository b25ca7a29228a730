export default {
  listen: { port: 8080 },
  upstreams: { site: { endpoints: ['http://127.0.0.1:3001'] },
  routes: {},
};
