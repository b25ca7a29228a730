/** A small proxy over undici's cache interceptor, the cache that Node's own HTTP client brings. */
import { createServer } from 'node:http';
import { Agent, interceptors } from 'undici';
import { listen } from './listen.ts';

const origin = process.argv[2]!;
const client = new Agent().compose(interceptors.cache());

listen(
  createServer((request, response) => {
    client.request({ origin, path: request.url!, method: 'GET' }).then(
      (answer) => {
        response.writeHead(answer.statusCode, answer.headers as Record<string, string>);
        answer.body.pipe(response);
      },
      () => response.writeHead(502).end(),
    );
  }),
);
