/** CPU per streamed megabyte. */
import { defineBench } from '../harness/index.ts';
import { nginxProxy, nodeProxy, type PassedLoad } from './proxy-bench.ts';

const megabyte: PassedLoad = { bytes: 1024 * 1024, connections: 16 };

export default defineBench({
  name: 'gateway/stream',
  title: 'Gateway: a megabyte streamed through',
  what: 'One GET of 1 MiB through the proxy to an origin on the same machine, 16 keep-alive connections. All as in the bench of small requests; nginx keeps nothing in files.',
  unit: 'megabyte',
  baseline: 'nginx',
  sliceMs: 2000,
  contenders: {
    nginx: nginxProxy(megabyte),
    spillway: nodeProxy('spillway', megabyte),
    undici: nodeProxy('undici', megabyte),
    '@fastify/http-proxy': nodeProxy('@fastify/http-proxy', megabyte),
    httpxy: nodeProxy('httpxy', megabyte),
  },
});
