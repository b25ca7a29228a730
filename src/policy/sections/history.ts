import { z } from 'zod';
import { count } from '../../kernel/index.ts';

export const historySection = z.strictObject({
  file: z
    .string()
    .min(1)
    .optional()
    .describe('SQLite file that keeps the history over restarts: `.spillway/history.db`. Absent: in Redis, where there is one.'),
  maxSignals: count(32, 4096).default(256).describe('How many signals are followed through time; each takes 53 kB of memory.'),
});

/** Where history is kept, resolved. */
export type HistoryPolicy = z.output<typeof historySection>;
