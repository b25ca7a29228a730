import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { sendInformation } from './information.ts';

const HINT = ['link', '</style.css>; rel=preload'];

/** What a client that sends two requests at once reads, when `act` has both answers before it. */
async function pipelined(act: (first: ServerResponse, second: ServerResponse) => void): Promise<string> {
  const responses: ServerResponse[] = [];
  const server = createServer((_, response) => {
    if (responses.push(response) === 2) act(responses[0]!, responses[1]!);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.write('GET / HTTP/1.1\r\nhost: a\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
  let text = '';
  for await (const chunk of client) text += (chunk as Buffer).toString();
  server.close();
  return text;
}

test('a hint goes out before the answer it is for', async () => {
  const text = await pipelined((first, second) => {
    sendInformation(first, 103, HINT);
    first.end('one');
    second.end('two');
  });
  assert.match(text, /^HTTP\/1.1 103 Early Hints\r\nLink: <\/style.css>[^]*one[^]*two$/);
});

test('a hint for an answer that waits its turn is dropped', async () => {
  const text = await pipelined((first, second) => {
    first.write('o');
    sendInformation(second, 103, HINT);
    first.end('ne');
    second.end('two');
  });
  assert.doesNotMatch(text, / 103 /);
});
