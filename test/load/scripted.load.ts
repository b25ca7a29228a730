import { constant, defineLoad, feed } from '../../src/load/index.ts';

/** A load whose every request shows which row, and what data, its iteration had. */
export default defineLoad<{ query: string }>({
  target: 'http://127.0.0.1:1',
  arrival: constant('60/s').for('1s'),
  setup: () => ({ query: 'from-setup' }),
  scenarios: {
    rows: {
      feed: feed(Array.from({ length: 60 }, (_, row) => row)),
      exec: async ({ get, check, row, data }) => {
        check('ok', (await get(`/${row as number}?${data.query}`)).status === 200);
      },
    },
  },
});
