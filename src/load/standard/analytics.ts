import { constant } from '../arrival.ts';
import { defineLoad } from '../definition.ts';

const RANGES = ['7d', '30d', '90d', '365d'];
const USERS = 50;

/**
 * Analytics: 50 users, 10 a second. Each opens the dashboard, whose three parts load at once, and then looks closer.
 *
 * Expects `GET /api/analytics/summary`, `/trends` and `/productivity`, each with `?range=` and `&user=`, answering JSON.
 */
export default defineLoad({
  target: 'http://127.0.0.1:8080',
  arrival: constant('10/s').for('30s'),
  scenarios: {
    analytics: {
      class: 'normal',
      exec: async ({ get, check, think, random, iteration }) => {
        const user = iteration % USERS;
        const part = (name: string, range: string) => get(`/api/analytics/${name}?range=${range}&user=${user}`, { name });
        const parts = await Promise.all(['summary', 'trends', 'productivity'].map((name) => part(name, '30d')));
        check(
          'the dashboard is whole',
          parts.every(({ status }) => status === 200),
        );
        await think('500ms', '2s');
        const closer = await part('trends', RANGES[Math.floor(random() * RANGES.length)]!);
        check('a closer look', closer.status === 200);
      },
    },
  },
  thresholds: { latency: ['p(95)<2000'], errors: ['rate<0.01'] },
});
