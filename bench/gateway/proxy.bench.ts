/** CPU per proxied request. */
import { defineBench } from '../harness/index.ts';
import { nginxProxy, nodeProxy } from './proxy-bench.ts';

export default defineBench({
  name: 'gateway/proxy',
  title: 'Gateway: a request passed to the upstream',
  what: 'One GET of 1 KiB through the proxy to an origin on the same machine, 40 keep-alive connections. Spillway as shipped: two endpoints balanced, passive health, metrics, limits, request ids, forwarding fields. undici: a bare dispatch without any of it, a floor for proxies on Node.',
  unit: 'request',
  baseline: 'spillway',
  rounds: 7,
  sliceMs: 2000,
  contenders: {
    spillway: nodeProxy('spillway'),
    nginx: nginxProxy,
    undici: nodeProxy('undici'),
    'fast-proxy': nodeProxy('fast-proxy'),
    '@fastify/http-proxy': nodeProxy('@fastify/http-proxy'),
    httpxy: nodeProxy('httpxy'),
    'http-proxy-3': nodeProxy('http-proxy-3'),
  },
});
