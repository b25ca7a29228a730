export default {
  listen: { port: 9901, host: '0.0.0.0', headersTimeout: '2m', requestTimeout: '1m' },
  admin: { host: '0.0.0.0' },
  trustedProxies: ['10.0.0.0/8', 'cloudflare', '10.0.0.300'],
};
