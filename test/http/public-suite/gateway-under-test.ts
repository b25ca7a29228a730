import { createCache } from '../../../src/cache/index.ts';
import { createGateway, createProxy } from '../../../src/gateway/index.ts';
import { createPages, pageCodec, type PageEntry, type Profile } from '../../../src/page/index.ts';
import { routePolicy } from '../rig/page-server.ts';

/**
 * The path of a request under `spillway start --origin`, but for the shedder: on a machine that is busy with other tests
 * it would rightly refuse some.
 */
export async function startGatewayUnderTest(origin: string, profile: Profile): Promise<{ url: string; stop(): Promise<void> }> {
  const proxy = createProxy({ upstreams: { origin: { endpoints: [origin] } } });
  const store = createCache<PageEntry>({ name: 'pages', codec: pageCodec });
  const pages = createPages({ profile }, { store });
  const route = routePolicy({ freshness: 'origin', query: 'all' }, { className: 'normal', upstream: 'origin' });
  const gateway = createGateway({
    listen: { port: 0 },
    match: () => ({ route, params: {} }),
    handle: (exchange) => pages.serve(exchange, proxy),
  });
  await gateway.start();
  return {
    url: gateway.address,
    stop: async () => {
      await gateway.stop();
      await pages.close();
      await store.close();
      await proxy.stop();
    },
  };
}
