/** CPU per large body streamed through the proxy to an origin. */
import { defineBench } from '../harness/index.ts';
import { nginxUploadProxyOf, nodeUploadProxyOf } from './proxy-bench.ts';

const BYTES = 1024 * 1024;

export default defineBench({
  name: 'gateway/proxy-upload',
  title: 'Gateway: a large body passed on',
  what: 'One POST of 1 MiB, its length announced, streamed through the proxy to an origin on the same machine, 16 keep-alive connections. nginx is told not to gather bodies first.',
  unit: 'request',
  baseline: 'nginx',
  rounds: 7,
  sliceMs: 2000,
  contenders: {
    nginx: nginxUploadProxyOf(BYTES, 16),
    spillway: nodeUploadProxyOf('spillway', BYTES, 16),
    '@fastify/http-proxy': nodeUploadProxyOf('@fastify/http-proxy', BYTES, 16),
    httpxy: nodeUploadProxyOf('httpxy', BYTES, 16),
  },
});
