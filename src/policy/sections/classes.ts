import { z } from 'zod';
import { trafficSchema } from './traffic.ts';

export const classesSection = z.record(z.string().min(1), trafficSchema);
