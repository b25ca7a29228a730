/**
 * The least a Node program can do, as a process of its own: connections that write the same bytes again whenever an
 * answer's length has come in. Nothing is read, timed or counted but whole answers, so no generator in Node can be cheaper.
 */
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Outcome, Task } from './contenders.ts';

const { url, connections, seconds } = JSON.parse(process.argv[2]!) as Task;
const { host, hostname, port, pathname } = new URL(url);
const request = Buffer.from(`GET ${pathname} HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
const answerBytes = await lengthOfAnswer();
const buffer = Buffer.allocUnsafeSlow(65_536);
let answers = 0;

const sockets = Array.from({ length: connections }, () => {
  let left = answerBytes;
  const socket: Socket = connect({
    host: hostname,
    port: Number(port),
    onread: {
      buffer,
      callback: (length) => {
        left -= length;
        if (left > 0) return true;
        left = answerBytes;
        answers++;
        socket.write(request);
        return true;
      },
    },
  });
  socket.setNoDelay(true);
  socket.on('connect', () => socket.write(request));
  return socket;
});
await delay(1000);
const [cpuBefore, answersBefore] = [process.cpuUsage(), answers];
await delay(seconds * 1000);
const { user, system } = process.cpuUsage(cpuBefore);
const outcome: Outcome = {
  requests: answers - answersBefore,
  cpuMs: (user + system) / 1000,
  wallMs: seconds * 1000,
  p50: Number.NaN,
  p90: Number.NaN,
  p99: Number.NaN,
  max: Number.NaN,
};
for (const socket of sockets) socket.destroy();
console.log(`\n${JSON.stringify(outcome)}`);

/** Head and body together, of an answer that is always the same length. */
async function lengthOfAnswer(): Promise<number> {
  const socket = connect({ host: hostname, port: Number(port) });
  socket.write(request);
  let text = '';
  for await (const chunk of socket) {
    text += (chunk as Buffer).toString('latin1');
    const bodyAt = text.indexOf('\r\n\r\n') + 4;
    const length = bodyAt + Number(/^content-length: (\d+)/im.exec(text)?.[1]);
    if (bodyAt >= 4 && text.length >= length) return length;
  }
  throw new Error(`no whole answer from ${url}`);
}
