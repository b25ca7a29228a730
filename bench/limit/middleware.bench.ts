import type { ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { expressLimit, type ExpressRequest } from '../../src/adapters/limit/index.ts';
import { defineBench, type Operation } from '../harness/index.ts';

const require = createRequire(import.meta.url);

const KEYS = 50_000;
let at = 0;

/** What the middlewares use of Express' request. Its address is a new string each time, as from a socket. */
function nextRequest(): ExpressRequest {
  at = (at + 7919) % KEYS;
  const ip = `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`;
  return { ip, method: 'GET', headers: {}, socket: { remoteAddress: ip }, app } as unknown as ExpressRequest;
}
const app = { get: () => false };

/** What they use of the response. */
function newResponse(): ServerResponse {
  const fields = new Map<string, unknown>();
  return {
    headersSent: false,
    statusCode: 200,
    setHeader: (name: string, value: unknown) => fields.set(name.toLowerCase(), value),
  } as unknown as ServerResponse;
}

type Middleware = (request: ExpressRequest, response: ServerResponse, next: () => void) => unknown;

function through(middleware: Middleware): Operation {
  return {
    run: async (count) => {
      for (let i = 0; i < count; i++) await new Promise<void>((done) => middleware(nextRequest(), newResponse(), done));
    },
  };
}

export default defineBench({
  name: 'limit/middleware',
  title: 'One request through the middleware',
  what: 'Express middleware in memory, called with a new request and response of one of 50,000 addresses until it calls next: key, decision, and the fields X-RateLimit-*, RateLimit and RateLimit-Policy (draft 7 by express-rate-limit, as its draft 8 digests the key each time).',
  unit: 'request',
  baseline: 'express-rate-limit',
  contenders: {
    'spillway sliding': {
      kind: 'operation',
      prepare: () => through(expressLimit({ limit: 60_000, window: '1m' })),
    },
    'spillway smooth': {
      kind: 'operation',
      prepare: () => through(expressLimit({ limit: 60_000, window: '1m', algorithm: 'smooth' })),
    },
    'neither: making the request and the response': {
      kind: 'operation',
      prepare: () => through((_request, _response, next) => next()),
    },
    'express-rate-limit': {
      kind: 'operation',
      prepare: () => {
        const { rateLimit } = require('express-rate-limit') as { rateLimit(options: object): Middleware };
        return through(rateLimit({ windowMs: 60_000, limit: 60_000, standardHeaders: 'draft-7', legacyHeaders: true }));
      },
    },
  },
});
