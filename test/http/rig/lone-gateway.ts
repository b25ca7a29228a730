/** A gateway in a process of its own, to be killed: `lone-gateway.ts <redis url> <prefix> <origin url>`; tells its port. */
import { createCache } from '../../../src/cache/index.ts';
import { createProxy } from '../../../src/gateway/index.ts';
import { createPages, pageCodec, type PageEntry } from '../../../src/page/index.ts';
import { routePolicy, startPageServer } from './page-server.ts';

const [redis, prefix, origin] = process.argv.slice(2) as [string, string, string];
const pages = createPages({}, { store: createCache<PageEntry>({ name: 'pages', codec: pageCodec, redis, prefix }) });
const proxy = createProxy({ upstreams: { site: { endpoints: [origin] } } });
const route = routePolicy({ revalidateMs: 60_000, storeTtlMs: 60_000 }, { tags: ['plans'] });
const server = await startPageServer(pages, proxy, () => ({ route, params: {} }));
process.send!(server.port);
