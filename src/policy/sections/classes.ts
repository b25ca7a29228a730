import { z } from 'zod';
import { trafficOptions } from './traffic.ts';

export const classesSection = z.record(z.string().min(1), z.strictObject(trafficOptions));
