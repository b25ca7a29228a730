/** Spillway's whole request path in one process, before the origin given as argument, obeying the origin's headers. */
import { createPolicy } from '../../../src/policy/index.ts';
import { createSpillway } from '../../../src/spillway.ts';

const config = { listen: { port: 0, maxConnections: 1000 }, upstreams: { origin: { endpoints: [process.argv[2]!] } } };
const spillway = createSpillway(createPolicy(config));
await spillway.start();
process.send!({ url: spillway.address });
process.once('SIGTERM', () => process.exit(0));
