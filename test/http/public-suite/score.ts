/** `node --conditions=source test/http/public-suite/score.ts [rfc|safe] [test id]`: runs the suite and prints what fails. */
import { startGatewayUnderTest } from './gateway-under-test.ts';
import { score, Suite } from './suite.ts';

const [profile = 'rfc', id = ''] = process.argv.slice(2);
const suite = await Suite.load();
const origin = await suite.startOrigin();
const gateway = await startGatewayUnderTest(origin.url, profile as 'rfc' | 'safe');
const results = await suite.run(gateway.url, id);
if (id === '') {
  for (const test of suite.tests) {
    const verdict = results.get(test.id)!;
    if (verdict !== 'pass') console.log(`${test.kind.padEnd(8)} ${test.id}: ${verdict}`);
  }
  console.log(JSON.stringify(score(suite, results)));
} else console.log(results.get(id));
await gateway.stop();
await origin.stop();
