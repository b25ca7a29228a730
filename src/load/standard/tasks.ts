import { constant } from '../arrival.ts';
import { defineLoad } from '../definition.ts';

interface Session {
  readonly tokens: readonly string[];
}

const USERS = 200;

/**
 * Task management: 200 users, 50 a second. Most look at their list; some add a task, change it and finish it.
 *
 * Expects `POST /api/auth/login` → `{ token }`, and with the token as bearer `GET /api/tasks`, `POST /api/tasks` →
 * `{ id }`, `PATCH /api/tasks/:id` and `DELETE /api/tasks/:id`.
 */
export default defineLoad<Session>({
  target: 'http://127.0.0.1:8080',
  arrival: constant('50/s').for('30s'),
  setup: async ({ request }) => {
    const tokens: string[] = [];
    for (let user = 0; user < USERS; user++) {
      const login = await request('POST', '/api/auth/login', {
        json: { email: `user${user}@example.com`, password: 'correct horse battery staple' },
      });
      if (login.status !== 200) throw new Error(`POST /api/auth/login answered ${login.fault ?? login.status} for user ${user}`);
      tokens.push(login.json<{ token: string }>().token);
    }
    return { tokens };
  },
  scenarios: {
    look: {
      weight: 3,
      class: 'high',
      exec: async ({ get, check, data, iteration }) => {
        const tasks = await get('/api/tasks', { name: 'list', headers: bearer(data, iteration) });
        check('listed', tasks.status === 200 && Array.isArray(tasks.json()));
      },
    },
    work: {
      weight: 1,
      class: 'high',
      exec: async ({ post, patch, request, check, think, data, iteration }) => {
        const headers = bearer(data, iteration);
        const added = await post('/api/tasks', { name: 'add', headers, json: { title: `Task ${iteration}`, priority: 'high' } });
        if (!check('added', added.status === 201)) return;
        const { id } = added.json<{ id: string }>();
        await think('100ms', '500ms');
        const changed = await patch(`/api/tasks/${id}`, { name: 'change', headers, json: { done: true } });
        check('changed', changed.status === 200);
        await think('100ms', '500ms');
        const removed = await request('DELETE', `/api/tasks/${id}`, { name: 'remove', headers });
        check('removed', removed.status < 300);
      },
    },
  },
  thresholds: { 'latency{scenario:look}': ['p(95)<500'], errors: ['rate<0.01'], checks: ['rate>0.99'] },
});

function bearer({ tokens }: Session, iteration: number): Record<string, string> {
  return { authorization: `Bearer ${tokens[iteration % tokens.length]}` };
}
