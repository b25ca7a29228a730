import { z } from 'zod';

export const redisSection = z
  .url({ protocol: /^rediss?$/, error: `expected an address such as 'redis://127.0.0.1:6379'` })
  .optional();

export const databaseSection = z
  .url({ protocol: /^postgres(?:ql)?$/, error: `expected an address such as 'postgres://user@127.0.0.1:5432/shop'` })
  .optional();
