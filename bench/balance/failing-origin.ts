/** `failing-origin.ts <port>`: answers every request after 5 ms; told `fail`, with 500 at once, until it is told `heal`. */
import { createServer } from 'node:http';

let failing = false;
process.on('message', (message) => (failing = message === 'fail'));
const server = createServer((_, response) => {
  if (failing) response.writeHead(500).end();
  else setTimeout(() => response.end('fine'), 5);
});
server.listen(Number(process.argv[2]), '127.0.0.1', () => process.send!('listening'));
