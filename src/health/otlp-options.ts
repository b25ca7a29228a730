import type { z } from 'zod';
import type { Events } from '../kernel/index.ts';
import { otlpSection } from '../policy/index.ts';

/** Options of `createOtlpExport`: the section `otlp` of the policy. */
export const otlpOptions = otlpSection;

/** What users pass. */
export type OtlpOptions = z.input<typeof otlpOptions>;

export interface OtlpEvents {
  /** The collector did not take a batch; the next one holds the same totals and more. */
  failed: { readonly error: unknown };
}

/** What sends metrics to a collector. */
export interface OtlpExport {
  readonly events: Events<OtlpEvents>;
  /** Sends what is counted now; two at once are one. */
  send(): Promise<void>;
  /** Sends once more, then ends. */
  stop(): Promise<void>;
}
