import { z } from 'zod';
import { count, duration } from '../kernel/index.ts';

/** Options of `createRecorder`. */
export const recorderOptions = z.strictObject({
  maxOpen: count(1, 1_000_000)
    .default(10_000)
    .describe('Requests begun and not completed that are remembered; the oldest make room.'),
  slowQuery: duration({ min: '1ms' }).prefault('1s').describe('A tracked query that takes this long is told as an event.'),
});

/** What users pass. */
export type RecorderOptions = z.input<typeof recorderOptions>;
