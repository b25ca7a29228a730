/**
 * A gateway in a process of its own, to be killed: `lone-gateway.ts <redis url> <prefix> <origin url> <revalidate ms>`.
 * Tells its port.
 */
import { createCache } from '../../../src/cache/index.ts';
import { createGateway, createProxy } from '../../../src/gateway/index.ts';
import { createPages, pageCodec, type PageEntry } from '../../../src/page/index.ts';
import { routePolicy } from './page-server.ts';

const [redis, prefix, origin, revalidate] = process.argv.slice(2) as [string, string, string, string];
const revalidateMs = Number(revalidate);
// What is held here is how the fleet shares its work while Redis answers, however slow the machine of the test is.
const store = createCache<PageEntry>({ name: 'pages', codec: pageCodec, redis, prefix, storeTimeout: '1s' });
const pages = createPages({}, { store });
const proxy = createProxy({ upstreams: { site: { endpoints: [origin] } } });
const route = routePolicy({ revalidateMs, storeTtlMs: revalidateMs }, { tags: ['plans'] });
const gateway = createGateway({
  listen: { port: 0 },
  match: () => ({ route, params: {} }),
  handle: (exchange) => pages.serve(exchange, proxy),
  prepared: pages.prepared,
});
await gateway.start();
process.send!(Number(new URL(gateway.address).port));
