import { address } from './address.ts';

export const redisSection = address({ protocols: ['redis', 'rediss'], example: 'redis://127.0.0.1:6379' }).optional();

export const databaseSection = address({
  protocols: ['postgres', 'postgresql'],
  example: 'postgres://user@127.0.0.1:5432/shop',
}).optional();
