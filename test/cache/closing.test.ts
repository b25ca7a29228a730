/** A client closed while it looks for the nodes of its cluster: no connection stays behind that would keep the process alive. */
import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { after, before, test } from 'node:test';
import { createCache } from '../../src/cache/index.ts';
import { createRedisCommands } from '../../src/drivers/redis-commands.ts';
import { createRedisCounters } from '../../src/drivers/redis-counters.ts';
import { eventually, redisCli, startRedisCluster, type RedisCluster } from '../servers/index.ts';

let cluster: RedisCluster;
before(async () => (cluster = await startRedisCluster(3)));
after(() => cluster.stop());

/** Clients of the three nodes, but for replicas and for who asks. */
const connections = (): number =>
  cluster.nodes
    .flatMap(({ port }) => redisCli(port, ['client', 'list']).trim().split('\n'))
    .filter((line) => !/ flags=\w*[MS]| cmd=client\|list /.test(line)).length;

const clients: Record<string, () => { close(): unknown }> = {
  cache: () => createCache({ redis: cluster.urls, name: 'closing' }),
  counters: () => createRedisCounters({ url: [...cluster.urls] }),
  commands: () => createRedisCommands({ url: [...cluster.urls] }),
};

for (const [name, create] of Object.entries(clients)) {
  test(`${name}: closed at any moment of connecting, none stays`, async () => {
    for (let turns = 0; turns < 60; turns += 3) {
      const client = create();
      for (let at = 0; at < turns; at++) await turn();
      await client.close();
    }
    const last = createRedisCommands({ url: [...cluster.urls] });
    await last.send(['GET', 'key']);
    assert.ok(connections() > 0);
    last.close();
    await eventually('all connections end', () => connections() === 0);
  });
}
