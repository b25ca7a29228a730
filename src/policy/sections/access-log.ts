import { z } from 'zod';

export const accessLogSection = z.strictObject({
  format: z
    .enum(['json', 'common'])
    .default('json')
    .describe('`json`: an object a line; `common`: the combined log format that web servers write.'),
  file: z.string().min(1).optional().describe('Where lines are appended; absent: standard output.'),
});
