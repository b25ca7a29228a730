/** CPU per proxied request. */
import { defineBench } from '../harness/index.ts';
import { nginxProxyOf, nodeProxyOf } from './proxy-bench.ts';

export default defineBench({
  name: 'gateway/proxy',
  title: 'Gateway: a request passed to the upstream',
  what: 'One GET of 1 KiB through the proxy to an origin on the same machine, 40 keep-alive connections. Spillway as shipped: two endpoints balanced, passive health, metrics, limits, request ids, forwarding fields. undici: a bare dispatch without any of it, a floor for proxies on Node.',
  unit: 'request',
  baseline: 'spillway',
  rounds: 7,
  sliceMs: 2000,
  contenders: {
    spillway: nodeProxyOf('spillway', 1024, 40),
    nginx: nginxProxyOf(1024, 40),
    undici: nodeProxyOf('undici', 1024, 40),
    'fast-proxy': nodeProxyOf('fast-proxy', 1024, 40),
    '@fastify/http-proxy': nodeProxyOf('@fastify/http-proxy', 1024, 40),
    httpxy: nodeProxyOf('httpxy', 1024, 40),
    'http-proxy-3': nodeProxyOf('http-proxy-3', 1024, 40),
  },
});
