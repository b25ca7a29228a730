import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Metrics, seededRandom, SimulatedClock } from '../kernel/index.ts';
import { createBalancer, type Balancer, type BalancerOptions } from './index.ts';

const urls = ['http://a:1', 'http://b:1', 'http://c:1', 'http://d:1'];

function balancer(options: Partial<BalancerOptions> = {}, clock = new SimulatedClock()): Balancer {
  return createBalancer(
    { endpoints: urls, strategy: 'roundRobin', slowStart: 0, ...options },
    { clock, random: seededRandom(1) },
  );
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

  test('weighted gives each its share, evenly spread', () => {
    const subject = balancer({ strategy: 'weighted', endpoints: [{ url: urls[0]!, weight: 3 }, urls[1]!] });
    const picked = Array.from({ length: 8 }, () => (pickAndReport(subject) === urls[0] ? 'a' : 'b')).join('');
    assert.equal(picked, 'aabaaaba');
  });

  test('responseTime and adaptive send less to whoever is slow, and nearly nothing to whoever fails fast', () => {
    for (const strategy of ['responseTime', 'adaptive'] as const) {
      const clock = new SimulatedClock();
      const subject = balancer({ strategy, outliers: { consecutiveFailures: 1000 } }, clock);
      for (let i = 0; i < 2000; i++) {
        const endpoint = subject.pick()!;
        if (endpoint.url === urls[0]) subject.report(endpoint, 'failure', 1);
        else subject.report(endpoint, 'success', endpoint.url === urls[1] ? 90 : 30);
      }
      const [failing, slow, ...good] = subject.status().map((endpoint) => endpoint.picks);
      assert.ok(failing! < 20, `${strategy}: the failing one got ${failing}`);
      assert.ok(slow! < Math.min(...good) / 2, `${strategy}: the slow one got ${slow}, the others ${good.join(', ')}`);
    }
  });

  test('an endpoint that falls silent is left alone', async () => {
    const clock = new SimulatedClock();
    const subject = balancer({ strategy: 'adaptive' }, clock);
    const frozen = subject.endpoints[0]!;
    const open = [];
    for (let i = 0; i < 400; i++) {
      const endpoint = subject.pick()!;
      if (endpoint === frozen && i > 40) open.push(endpoint);
      else subject.report(endpoint, 'success', 5);
      await clock.advance(10);
    }
    assert.ok(open.length <= 3, `${open.length} requests went to it`);
  });

  test('the same key finds the same endpoint, and only the keys of one that goes move', () => {
    for (const strategy of ['ipHash', 'consistentHash'] as const) {
      const subject = balancer({ strategy });
      const where = (): string[] =>
        Array.from({ length: 1000 }, (_, key) => {
          const endpoint = subject.pick({ hashKey: `client-${key}` })!;
          subject.report(endpoint, 'success', 1);
          return endpoint.url;
        });
      const before = where();
      assert.deepEqual(where(), before);
      for (const url of urls) {
        const share = before.filter((one) => one === url).length;
        assert.ok(share > 180 && share < 320, `${url} has ${share} of 1000 keys`);
      }
      void subject.drain(subject.endpoints[0]!);
      where().forEach((url, key) => before[key] !== urls[0] && assert.equal(url, before[key]));
    }
  });

  test('consistentHash lets no key overload an endpoint', () => {
    const subject = balancer({ strategy: 'consistentHash' });
    for (let i = 0; i < 400; i++) subject.pick({ hashKey: 'the one everybody wants' });
    assert.ok(Math.max(...subject.endpoints.map((endpoint) => endpoint.inFlight)) <= 126);
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
  test('failures in a row eject an endpoint, for longer each time, and quiet intervals forgive', async () => {
    const clock = new SimulatedClock();
    const subject = balancer({}, clock);
    const bad = subject.endpoints[1]!;
    const ejections: number[] = [];
    subject.events.on('ejected', ({ forMs }) => ejections.push(forMs));
    const failUntilEjected = (): void => {
      while (bad.state === 'up') pickAndReport(subject, (url) => url === bad.url);
    };
    failUntilEjected();
    assert.ok(!Array.from({ length: 8 }, () => pickAndReport(subject)).includes(bad.url));
    await clock.advance(10_000);
    assert.equal(bad.state, 'up');
    failUntilEjected();
    for (let seconds = 0; seconds < 60; seconds++) {
      await clock.advance(1000);
      for (let i = 0; i < 8; i++) pickAndReport(subject);
    }
    failUntilEjected();
    assert.deepEqual(ejections, [10_000, 20_000, 10_000]);
  });

  test('an endpoint that fails far more than the others is ejected, though never five times in a row', async () => {
    const clock = new SimulatedClock();
    const subject = balancer({}, clock);
    const why: string[] = [];
    subject.events.on('ejected', (event) => why.push(`${event.endpoint.url} ${event.why}`));
    let n = 0;
    for (let i = 0; i < 1000; i++) {
      pickAndReport(subject, (url) => url === urls[2] && n++ % 3 === 0);
      await clock.advance(i % 10 === 0 ? 150 : 0);
    }
    assert.deepEqual([...new Set(why)], ['http://c:1 successRate']);
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

describe('breakers', () => {
  const breaker = { consecutiveFailures: 3, openFor: '1s', openForMax: '1s', ramp: [] };

  test('the only endpoint is left alone while its breaker is open, and tried again after that', async () => {
    const clock = new SimulatedClock();
    const metrics = new Metrics();
    const subject = createBalancer({ endpoints: [urls[0]!], breaker }, { clock, metrics }, { name: 'site' });
    const state = (): number => {
      const family = metrics.snapshot().families.find(({ name }) => name === 'spillway_breaker_state')!;
      const series = family.series.find(({ labels }) => labels['dependency'] === 'site http://a:1');
      return series!.value!;
    };
    assert.equal(state(), 0);
    for (let i = 0; i < 3; i++) pickAndReport(subject, () => true);
    assert.equal(subject.pick(), undefined);
    assert.equal(state(), 2);
    const refusal = subject.refusal();
    assert.equal(refusal.code, 'SPILLWAY_BREAKER_OPEN');
    assert.ok(refusal.retryAfterMs! > 0 && refusal.retryAfterMs! <= 1200);
    await clock.advance(1200);
    const trial = subject.pick()!;
    assert.equal(state(), 1);
    subject.report(trial, 'success', 1);
    for (let i = 0; i < 9; i++) pickAndReport(subject);
    assert.equal(state(), 0);
  });

  test('with others left, they take what an open breaker refuses', () => {
    const subject = balancer({ breaker, outliers: { consecutiveFailures: 1000 } });
    const picks = Array.from({ length: 400 }, () => pickAndReport(subject, (url) => url === urls[2]));
    assert.equal(picks.filter((url) => url === urls[2]).length, 3);
  });

  test('an answer to a question asked before the breaker opened changes nothing after', async () => {
    const clock = new SimulatedClock();
    const subject = createBalancer({ endpoints: [urls[0]!], breaker }, { clock });
    const late = Array.from({ length: 20 }, () => subject.pick()!);
    for (let i = 0; i < 3; i++) pickAndReport(subject, () => true);
    await clock.advance(1200);
    subject.report(subject.pick()!, 'success', 0);
    for (const endpoint of late) subject.report(endpoint, 'failure', 1200);
    assert.ok(subject.pick(), 'it is still half-open');
  });

  test('without any endpoint the refusal says so', async () => {
    const subject = balancer();
    for (const endpoint of subject.endpoints) await subject.drain(endpoint);
    assert.equal(subject.refusal().code, 'SPILLWAY_UPSTREAM_UNAVAILABLE');
  });
});

describe('who may be picked', () => {
  test('a tier has its own endpoints first, and the common ones when those are busier', () => {
    const subject = balancer({
      strategy: 'leastConnections',
      endpoints: [{ url: urls[0]!, reservedFor: ['premium'] }, urls[1]!, urls[2]!],
    });
    assert.equal(subject.pick({ tier: 'premium' })!.url, urls[0]);
    for (let i = 0; i < 6; i++) assert.notEqual(subject.pick({ tier: 'free' })!.url, urls[0]);
    for (let i = 0; i < 4; i++) assert.equal(subject.pick({ tier: 'premium' })!.url, urls[0]);
    assert.notEqual(subject.pick({ tier: 'premium' })!.url, urls[0]);
    void subject.drain(subject.endpoints[0]!);
    assert.notEqual(subject.pick({ tier: 'premium' })!.url, urls[0]);
  });

  test('the own zone first, while enough of it is up', () => {
    const subject = balancer({
      zone: 'east',
      endpoints: urls.map((url, at) => ({ url, zone: at < 2 ? 'east' : 'west' })),
    });
    assert.deepEqual([...new Set(Array.from({ length: 8 }, () => pickAndReport(subject)))].sort(), urls.slice(0, 2));
    for (const endpoint of subject.endpoints.slice(0, 2)) void subject.drain(endpoint);
    assert.deepEqual([...new Set(Array.from({ length: 8 }, () => pickAndReport(subject)))].sort(), urls.slice(2));
  });

  test('a client stays with its endpoint while that can be used', () => {
    const subject = balancer();
    for (let i = 0; i < 5; i++) assert.equal(subject.pick({ stickTo: urls[3] })!.url, urls[3]);
    void subject.drain(subject.endpoints[3]!);
    assert.notEqual(subject.pick({ stickTo: urls[3] })!.url, urls[3]);
  });
});

describe('active checks', () => {
  test('several bad answers take an endpoint out, several good ones bring it back slowly', async () => {
    const clock = new SimulatedClock();
    const sick = new Set<string>();
    const seen: string[] = [];
    const subject = createBalancer(
      { endpoints: urls, strategy: 'roundRobin', health: { interval: '2s' }, slowStart: '30s' },
      { clock, random: seededRandom(1) },
      { probe: async ({ url }) => (sick.has(url) ? 'answered 500' : undefined) },
    );
    subject.events.on('down', ({ endpoint, reason }) => seen.push(`down ${endpoint.url}: ${reason}`));
    subject.events.on('up', ({ endpoint }) => seen.push(`up ${endpoint.url}`));
    await clock.advance(5000);
    sick.add(urls[1]!);
    await clock.advance(3000);
    assert.deepEqual(seen, [], 'one bad answer is not enough');
    await clock.advance(5000);
    assert.deepEqual(seen, ['down http://b:1: answered 500']);
    sick.clear();
    await clock.advance(6000);
    assert.equal(seen.at(-1), 'up http://b:1');
    const share = (): number => Array.from({ length: 400 }, () => pickAndReport(subject)).filter((url) => url === urls[1]).length;
    assert.ok(share() < 50, 'a small share at first');
    await clock.advance(30_000);
    assert.ok(Math.abs(share() - 100) <= 2, 'its full share in the end');
    subject.close();
    assert.equal(clock.pendingTimers, 0);
  });

  test('a question without an answer in time is a bad answer', async () => {
    const clock = new SimulatedClock();
    const subject = createBalancer(
      { endpoints: urls.slice(0, 2), health: { interval: '1s', timeout: '500ms', down: 1 } },
      { clock, random: seededRandom(1) },
      {
        probe: (_, __, signal) =>
          new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
      },
    );
    let reason = '';
    subject.events.on('down', (event) => (reason = event.reason));
    await clock.advance(2000);
    assert.equal(reason, 'no answer within 500 ms');
    subject.close();
  });
});

test('endpoints come and go while requests are under way', async () => {
  const clock = new SimulatedClock();
  const subject = balancer({ endpoints: urls.slice(0, 2) }, clock);
  const [a, b] = subject.endpoints;
  const removed: string[] = [];
  subject.events.on('removed', ({ endpoint }) => removed.push(endpoint.url));
  const picks = [subject.pick()!, subject.pick()!];
  subject.setEndpoints([
    { url: urls[1]!, weight: 1, backup: false, reservedFor: [] },
    { url: urls[2]!, weight: 1, backup: false, reservedFor: [] },
  ]);
  assert.equal(subject.endpoints[0], b, 'who stays keeps what is known of it');
  assert.ok(!Array.from({ length: 8 }, () => pickAndReport(subject)).includes(a!.url));
  assert.deepEqual(removed, []);
  for (const endpoint of picks) subject.report(endpoint, 'success', 1);
  await clock.advance(0);
  assert.deepEqual(removed, [a!.url]);
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

test('an endpoint drained by hand stays so until it is resumed, whatever is configured anew', async () => {
  const clock = new SimulatedClock();
  const subject = balancer({ endpoints: urls.slice(0, 2), slowStart: '10s' }, clock);
  const [a, b] = subject.endpoints;
  const [first, second] = [subject.pick()!, subject.pick()!];
  const drains = [subject.drain(a!), subject.drain(a!)];
  const settings = { weight: 1, backup: false, reservedFor: [] };
  subject.setEndpoints([
    { url: urls[0]!, ...settings },
    { url: urls[1]!, ...settings },
  ]);
  for (let i = 0; i < 6; i++) assert.equal(pickAndReport(subject), b!.url);
  for (const endpoint of [first, second]) subject.report(endpoint, 'success', 1);
  await Promise.all(drains);
  const resumed: string[] = [];
  subject.events.on('resumed', ({ endpoint }) => resumed.push(endpoint.url));
  subject.resume(a!);
  subject.resume(a!);
  assert.deepEqual(resumed, [a!.url]);
  const share = (): number => Array.from({ length: 110 }, () => pickAndReport(subject)).filter((url) => url === a!.url).length;
  assert.equal(share(), 10, 'slowly at first');
  await clock.advance(10_000);
  assert.equal(share(), 55);
});

test('wrong options name what is wrong', () => {
  assert.throws(() => balancer({ strategy: 'roundrobin' as never }), /strategy.*did you mean 'roundRobin'/s);
  assert.throws(() => balancer({ endpoints: [] }), /at least one endpoint/);
  assert.throws(() => balancer({ endpoints: ['localhost:3000'] }), /endpoints\[0\].*http:\/\/127/s);
});
