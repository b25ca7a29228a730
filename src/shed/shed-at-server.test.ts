import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { test } from 'node:test';
import { SimulatedClock } from '../kernel/index.ts';
import { shedAtServer } from './shed-at-server.ts';
import { createShedder } from './shed.ts';

function ask(server: Server, url: string, method = 'GET'): { status: number; fields: string[]; body: string | undefined } {
  const answer = { status: 0, fields: [] as string[], body: undefined as string | undefined };
  const response = {
    writeHead: (status: number, fields: string[]) => Object.assign(answer, { status, fields }),
    end: (body?: string) => (answer.body = body),
  };
  server.emit('request', { url, method } as IncomingMessage, response as unknown as ServerResponse);
  return answer;
}

test('what is refused never reaches the framework, and all else does', () => {
  const shedder = createShedder({}, { clock: new SimulatedClock() });
  const server = new EventEmitter() as Server;
  const seen: string[] = [];
  server.on('request', ({ url }: IncomingMessage) => seen.push(url!));
  const undo = shedAtServer(server, shedder, ({ url }) =>
    url === '/probe' ? undefined : { priority: url === '/buy' ? 'critical' : 'normal', className: url! },
  );
  ask(server, '/list');
  shedder.report('operator', 6);
  const refusal = ask(server, '/list');
  assert.equal(refusal.status, 503);
  assert.equal(refusal.fields[0], 'retry-after');
  assert.ok(refusal.body!.includes('over capacity'));
  assert.deepEqual(ask(server, '/list', 'HEAD').body, undefined);
  ask(server, '/buy');
  ask(server, '/probe');
  assert.deepEqual(seen, ['/list', '/buy', '/probe']);
  undo();
  ask(server, '/list');
  assert.deepEqual(seen, ['/list', '/buy', '/probe', '/list']);
  shedder.close();
});
