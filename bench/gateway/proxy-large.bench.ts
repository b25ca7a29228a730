/** CPU per large answer streamed through the proxy. */
import { defineBench } from '../harness/index.ts';
import { nginxProxyOf, nodeProxyOf } from './proxy-bench.ts';

const BYTES = 1024 * 1024;

export default defineBench({
  name: 'gateway/proxy-large',
  title: 'Gateway: a large answer passed on',
  what: 'One GET of 1 MiB through the proxy to an origin on the same machine, 16 keep-alive connections; the rest as for small answers.',
  unit: 'request',
  baseline: 'nginx',
  rounds: 7,
  sliceMs: 2000,
  contenders: {
    nginx: nginxProxyOf(BYTES, 16),
    spillway: nodeProxyOf('spillway', BYTES, 16),
    '@fastify/http-proxy': nodeProxyOf('@fastify/http-proxy', BYTES, 16),
    httpxy: nodeProxyOf('httpxy', BYTES, 16),
  },
});
