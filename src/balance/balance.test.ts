import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { seededRandom, SimulatedClock } from '../kernel/index.ts';
import { createBalancer, type Balancer, type BalancerOptions } from './index.ts';

const urls = ['http://a:1', 'http://b:1', 'http://c:1', 'http://d:1'];

function balancer(options: Partial<BalancerOptions> = {}, clock = new SimulatedClock()): Balancer {
  return createBalancer({ endpoints: urls, ...options }, { clock, random: seededRandom(1) });
}

function pickAndReport(subject: Balancer, fails: (url: string) => boolean = () => false): string {
  const endpoint = subject.pick()!;
  subject.report(endpoint, fails(endpoint.url) ? 'failure' : 'success', 1);
  return endpoint.url;
}

describe('strategies', () => {
  test('roundRobin gives each its turn', () => {
    const subject = balancer();
    const picked = Array.from({ length: 8 }, () => pickAndReport(subject));
    assert.deepEqual(picked.slice(0, 4).sort(), urls);
    assert.deepEqual(picked.slice(4), picked.slice(0, 4));
  });

  test('leastConnections fills the emptiest, by weight', () => {
    const subject = balancer({ strategy: 'leastConnections', endpoints: [{ url: urls[0]!, weight: 3 }, urls[1]!] });
    for (let i = 0; i < 40; i++) subject.pick();
    assert.deepEqual(
      subject.endpoints.map((endpoint) => endpoint.inFlight),
      [30, 10],
    );
  });
});

describe('passive health', () => {
  test('failures in a row eject an endpoint, for longer each time, and a success makes the slate clean', async () => {
    const clock = new SimulatedClock();
    const subject = balancer({}, clock);
    const bad = subject.endpoints[1]!;
    const ejections: number[] = [];
    subject.events.on('ejected', ({ forMs }) => ejections.push(forMs));
    for (let i = 0; i < 20; i++) pickAndReport(subject, (url) => url === bad.url);
    assert.equal(bad.state, 'ejected');
    assert.ok(!Array.from({ length: 8 }, () => pickAndReport(subject)).includes(bad.url));
    await clock.advance(10_000);
    assert.equal(bad.state, 'up');
    while (bad.state === 'up') pickAndReport(subject, (url) => url === bad.url);
    await clock.advance(20_000);
    for (let i = 0; i < 8; i++) pickAndReport(subject);
    for (let i = 0; i < 20; i++) pickAndReport(subject, (url) => url === bad.url);
    assert.deepEqual(ejections, [10_000, 20_000, 10_000]);
  });

  test('no more than the allowed share is ejected', () => {
    const subject = balancer();
    for (let i = 0; i < 100; i++) pickAndReport(subject, () => true);
    assert.equal(subject.endpoints.filter((endpoint) => endpoint.state === 'ejected').length, 2);
  });

  test('backups serve only while no primary can', () => {
    const subject = balancer({ endpoints: [urls[0]!, urls[1]!, { url: urls[2]!, backup: true }], outliers: { maxEjected: 1 } });
    assert.ok(!Array.from({ length: 9 }, () => pickAndReport(subject)).includes(urls[2]!));
    for (let i = 0; i < 20; i++) pickAndReport(subject, (url) => url !== urls[2]);
    assert.equal(pickAndReport(subject), urls[2]);
  });

  test('what a client gave up says nothing about the endpoint', () => {
    const subject = balancer();
    for (let i = 0; i < 100; i++) subject.report(subject.pick()!, 'cancelled', 1);
    assert.deepEqual([...new Set(subject.status().map((endpoint) => endpoint.state))], ['up']);
  });
});

test('a retry goes elsewhere while there is an elsewhere', () => {
  const subject = balancer({ endpoints: urls.slice(0, 2) });
  const [a, b] = subject.endpoints;
  for (let i = 0; i < 5; i++) assert.equal(subject.pick({ tried: [a!] }), b);
  assert.ok(subject.pick({ tried: [a!, b!] }));
});

test('draining waits for what is in flight', async () => {
  const subject = balancer({ endpoints: urls.slice(0, 1) });
  const endpoint = subject.pick()!;
  let drained = false;
  const drain = subject.drain(endpoint).then(() => (drained = true));
  assert.equal(subject.pick(), undefined);
  await new SimulatedClock().advance(0);
  assert.equal(drained, false);
  subject.report(endpoint, 'success', 1);
  await drain;
});

test('wrong options name what is wrong', () => {
  assert.throws(() => balancer({ strategy: 'roundrobin' as never }), /strategy.*did you mean 'roundRobin'/s);
  assert.throws(() => balancer({ endpoints: [] }), /at least one endpoint/);
  assert.throws(() => balancer({ endpoints: ['localhost:3000'] }), /endpoints\[0\].*http:\/\/127/s);
});
