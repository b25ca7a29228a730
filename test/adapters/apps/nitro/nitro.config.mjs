import { defineNitroConfig } from 'nitro/config';

export default defineNitroConfig({
  compatibilityDate: '2026-01-01',
  preset: 'node-server',
  storage: {
    cache: {
      driver: 'spillway/unstorage',
      redisFrom: 'REDIS_URL',
      storeTimeout: '2s',
      lease: '30s', // a machine that is busy with other tests must not lose it
      wait: '30s',
    },
  },
});
