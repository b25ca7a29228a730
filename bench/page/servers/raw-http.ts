/** The least node:http can do: a static buffer and a flat header array, no routing, no cache. */
import { createServer } from 'node:http';
import { listen } from './listen.ts';
import { body, headers } from './page.ts';

listen(
  createServer((_request, response) => {
    response.writeHead(200, headers);
    response.end(body);
  }),
);
