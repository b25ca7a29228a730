import { constant } from '../arrival.ts';
import { defineLoad } from '../definition.ts';
import { feed } from '../feed.ts';

/** 100 accounts; those whose number divides by 20 mistype their password first. */
const ACCOUNTS = Array.from({ length: 100 }, (_, user) => ({
  email: `user${user}@example.com`,
  password: 'correct horse battery staple',
  mistypes: user % 20 === 0,
}));

/**
 * Authentication: 100 users, 20 a second. Each logs in, asks who they are, refreshes the session and logs out.
 *
 * Expects `POST /api/auth/login` → `{ token }` (401 for a wrong password), `GET /api/auth/me`, `POST /api/auth/refresh` →
 * `{ token }` and `POST /api/auth/logout`, the last three with the token as bearer.
 */
export default defineLoad({
  target: 'http://127.0.0.1:8080',
  arrival: constant('20/s').for('30s'),
  scenarios: {
    authentication: {
      class: 'critical',
      feed: feed(ACCOUNTS),
      exec: async ({ get, post, check, think, row }) => {
        const { email, password, mistypes } = row as (typeof ACCOUNTS)[number];
        if (mistypes) {
          const refused = await post('/api/auth/login', {
            name: 'wrong password',
            expect: [401],
            json: { email, password: 'oops' },
          });
          check('a wrong password is refused', refused.status === 401);
          await think('500ms', '1s');
        }
        const login = await post('/api/auth/login', { name: 'login', json: { email, password } });
        if (!check('logged in', login.status === 200)) return;
        let headers = { authorization: `Bearer ${login.json<{ token: string }>().token}` };
        const me = await get('/api/auth/me', { name: 'who am I', headers });
        check('the right account', me.status === 200 && me.json<{ email: string }>().email === email);
        await think('200ms', '1s');
        const refreshed = await post('/api/auth/refresh', { name: 'refresh', headers });
        if (check('refreshed', refreshed.status === 200)) {
          headers = { authorization: `Bearer ${refreshed.json<{ token: string }>().token}` };
        }
        const logout = await post('/api/auth/logout', { name: 'logout', headers });
        check('logged out', logout.status < 300);
      },
    },
  },
  thresholds: { 'latency{name:login}': ['p(95)<1000'], errors: ['rate<0.01'], checks: ['rate>0.99'] },
});
