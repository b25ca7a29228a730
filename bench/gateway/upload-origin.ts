/** `upload-origin.ts`: takes requests whose length is announced to their end, and answers each with 204. */
import { createServer, type AddressInfo, type Socket } from 'node:net';

const ANSWER = 'HTTP/1.1 204 No Content\r\n\r\n';

function serve(socket: Socket): void {
  let head = '';
  let left = 0;
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    for (let at = 0; at < chunk.length;) {
      if (left === 0) {
        const text = head + chunk.toString('latin1', at);
        const end = text.indexOf('\r\n\r\n') + 4;
        if (end === 3) return void (head = text);
        at += end - head.length;
        head = '';
        left = Number(/\r\ncontent-length: *(\d+)/i.exec(text.slice(0, end))?.[1] ?? 0);
        if (left === 0) socket.write(ANSWER);
        continue;
      }
      const taken = Math.min(left, chunk.length - at);
      at += taken;
      left -= taken;
      if (left === 0) socket.write(ANSWER);
    }
  });
}

const server = createServer(serve).listen(0, '127.0.0.1', () => {
  process.send!({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
});
