/**
 * A small application that answers what the standard loads ask for: log in, tasks, analytics, and a WebSocket whose
 * messages go to everybody in the sender's room of ten. `node planner-app.ts [port]`.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { WebSocketServer, type WebSocket } from 'ws';

const PASSWORD = 'correct horse battery staple';
const ROOM = 10;

interface Task {
  readonly id: string;
  title: string;
  done: boolean;
}

export interface PlannerApp {
  readonly url: string;
  close(): void;
}

export async function startPlannerApp(port = 0): Promise<PlannerApp> {
  const sessions = new Map<string, string>();
  const tasks = new Map<string, Map<string, Task>>();
  const server = createServer((request, response) => void answer(request, response, sessions, tasks));
  const clients: WebSocket[] = [];
  new WebSocketServer({ server, path: '/ws' }).on('connection', (client) => {
    const room = Math.floor(clients.push(client) / ROOM);
    client.on('error', () => {});
    client.on('message', (data, binary) => {
      for (const other of clients.slice(room * ROOM, (room + 1) * ROOM)) if (other.readyState === 1) other.send(data, { binary });
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      for (const client of clients) client.terminate();
      server.closeAllConnections();
      server.close();
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  sessions: Map<string, string>,
  tasks: Map<string, Map<string, Task>>,
): Promise<void> {
  const send = (status: number, body?: unknown): void =>
    void response
      .writeHead(status, { 'content-type': 'application/json' })
      .end(body === undefined ? undefined : JSON.stringify(body));
  const { pathname } = new URL(request.url!, 'http://a');
  const body = await readJson(request);
  if (pathname === '/') return send(200, { name: 'planner' });
  if (pathname.startsWith('/api/analytics/')) return send(200, { values: Array.from({ length: 30 }, (_, day) => day * 3) });
  if (pathname === '/api/auth/login') {
    if (body['password'] !== PASSWORD) return send(401, { error: 'wrong password' });
    return send(200, { token: logIn(sessions, String(body['email'])) });
  }
  const token = request.headers.authorization?.replace('Bearer ', '') ?? '';
  const email = sessions.get(token);
  if (email === undefined) return send(401, { error: 'log in first' });
  if (pathname === '/api/auth/me') return send(200, { email });
  if (pathname === '/api/auth/refresh') return send(200, { token: (sessions.delete(token), logIn(sessions, email)) });
  if (pathname === '/api/auth/logout') return send(204, void sessions.delete(token));
  const own = tasks.get(email) ?? new Map<string, Task>();
  tasks.set(email, own);
  if (pathname === '/api/tasks' && request.method === 'GET') return send(200, [...own.values()]);
  if (pathname === '/api/tasks') {
    const task: Task = { id: randomUUID(), title: String(body['title']), done: false };
    own.set(task.id, task);
    return send(201, task);
  }
  const task = own.get(pathname.split('/')[3] ?? '');
  if (!task) return send(404, { error: 'no such task' });
  if (request.method === 'DELETE') return send(204, void own.delete(task.id));
  task.done = body['done'] === true;
  send(200, task);
}

function logIn(sessions: Map<string, string>, email: string): string {
  const token = randomUUID();
  sessions.set(token, email);
  return token;
}

async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const app = await startPlannerApp(Number(process.argv[2] ?? 8080));
  console.log(`The planner is at ${app.url}`);
}
