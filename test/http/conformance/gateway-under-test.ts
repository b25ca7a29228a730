import { createGateway, createProxy } from '../../../src/gateway/index.ts';
import { systemClock } from '../../../src/kernel/index.ts';
import { createPages, type PageEntry, type Profile } from '../../../src/page/index.ts';
import { routePolicy } from '../rig/page-server.ts';
import { ReferenceStore } from '../rig/reference-store.ts';

/** A gateway that obeys the origin's own headers, as `spillway start --origin` runs it. */
export async function startGatewayUnderTest(origin: string, profile: Profile): Promise<{ url: string; stop(): Promise<void> }> {
  const proxy = createProxy({ upstreams: { origin: { endpoints: [origin] } } });
  const pages = createPages({ profile }, { store: new ReferenceStore<PageEntry>(systemClock) });
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
      await proxy.stop();
    },
  };
}
