import { createBreaker } from '../../src/breaker/index.ts';
import { createLimiter, createLimitGate, type Decision } from '../../src/limit/index.ts';
import { createPolicy } from '../../src/policy/index.ts';
import type { Exchange } from '../../src/ports/index.ts';
import { createShedder } from '../../src/shed/index.ts';
import { defineBench, type Operation } from '../harness/index.ts';

/** Turns of the loop with 16 requests each, as a busy server has them. */
function perRequest(work: () => void): Operation {
  return {
    run: async (count) => {
      for (let done = 0; done < count; done += 16) {
        for (let i = 0; i < 16; i++) work();
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}

export default defineBench({
  name: 'shed/idle',
  title: 'Admission while nothing is wrong',
  what: 'What limiter, shedder and breaker cost a request that all three let through; the loop turns once per 16 requests. The bare loop is what the measurement itself costs.',
  unit: 'request',
  baseline: 'bare loop',
  contenders: {
    'bare loop': { kind: 'operation', prepare: () => perRequest(() => {}) },
    'limiter, shedder and breaker': {
      kind: 'operation',
      prepare: () => {
        const limiter = createLimiter({ limit: 1_000_000_000, window: '1m' });
        const shedder = createShedder();
        const breaker = createBreaker();
        const addresses = Array.from({ length: 1000 }, (_, i) => ({ ip: `10.0.${i >> 8}.${i & 255}` }));
        const route = { priority: 'normal', className: 'normal' } as const;
        let at = 0;
        return perRequest(() => {
          limiter.check(addresses[(at = (at + 1) % 1000)]!);
          shedder.admit(route);
          breaker.record(breaker.tryAcquire(), 'success');
        });
      },
    },
    'the same as the gateway asks them, fields of the limit written': {
      kind: 'operation',
      prepare: () => {
        const policy = createPolicy({
          upstreams: { site: { endpoints: ['http://127.0.0.1:1'] } },
          routes: { '/**': { class: 'normal', upstream: 'site', limit: [{ limit: 1_000_000_000, window: '1m' }] } },
        });
        const { route } = policy.match('GET', '/')!;
        const gate = createLimitGate(policy.routes);
        const shedder = createShedder();
        const breaker = createBreaker();
        const fields = new Map<string, unknown>();
        const response = { setHeader: (name: string, value: unknown) => fields.set(name, value) };
        const exchanges = Array.from({ length: 1000 }, (_, i) => {
          const exchange = { route, request: { headers: {} }, response, clientIp: `10.0.${i >> 8}.${i & 255}` };
          return exchange as unknown as Exchange;
        });
        let at = 0;
        return perRequest(() => {
          const exchange = exchanges[(at = (at + 1) % 1000)]!;
          gate.applyHeaders(gate.check(exchange) as Decision, exchange.response);
          shedder.admit(route);
          breaker.record(breaker.tryAcquire(), 'success');
        });
      },
    },
  },
});
