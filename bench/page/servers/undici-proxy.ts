/** A whole small proxy over undici's cache interceptor, for the conformance suite: every method, headers and bodies passed on. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent, interceptors } from 'undici';
import { listen } from './listen.ts';

const origin = process.argv[2]!;
const client = new Agent().compose(interceptors.cache({ type: 'shared' }));
const OWN = new Set(['connection', 'host', 'keep-alive', 'transfer-encoding']);

listen(createServer((request, response) => void proxy(request, response)));

async function proxy(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !OWN.has(name)));
  const hasBody = request.method !== 'GET' && request.method !== 'HEAD';
  try {
    const answer = await client.request({
      origin,
      path: request.url!,
      method: request.method as 'GET',
      headers,
      body: hasBody ? request : null,
    });
    const fields = Object.entries(answer.headers).filter(([name]) => !OWN.has(name));
    response.writeHead(answer.statusCode, Object.fromEntries(fields) as Record<string, string>);
    for await (const chunk of answer.body) response.write(chunk);
    response.end();
  } catch {
    if (response.headersSent) response.destroy();
    else response.writeHead(502).end();
  }
}
