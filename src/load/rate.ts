import { z } from 'zod';
import { show } from '../kernel/index.ts';

/** How often something happens, as users write it: `'500/s'`, `'20/m'`, `'1000/h'`. */
export type Rate = string;

const SECONDS_PER: Record<string, number> = { ms: 0.001, s: 1, sec: 1, m: 60, min: 60, h: 3600, d: 86_400 };

/** Events per second, or undefined when the text is no rate. */
export function parseRate(text: unknown): number | undefined {
  if (typeof text !== 'string') return undefined;
  const match = /^(\d+(?:\.\d+)?)\s*\/\s*(ms|s|sec|m|min|h|d)$/.exec(text.trim().toLowerCase());
  return match ? Number(match[1]) / SECONDS_PER[match[2]!]! : undefined;
}

/** An option that takes a rate and is read as events per second. */
export function rate() {
  return z
    .string()
    .transform((text, context) => {
      const perSecond = parseRate(text);
      if (perSecond !== undefined && perSecond > 0) return perSecond;
      context.addIssue({
        code: 'custom',
        message: `${show(text)} is not a rate such as '500/s', '20/m' or '1000/h'`,
        input: text,
      });
      return z.NEVER;
    })
    .meta({ unit: 'rate' });
}

/** `500` → `'500/s'`, for people: at most one decimal, and per minute or hour where a second holds less than one. */
export function formatRate(perSecond: number): string {
  if (perSecond >= 1 || perSecond === 0) return `${round(perSecond)}/s`;
  return perSecond * 60 >= 1 ? `${round(perSecond * 60)}/m` : `${round(perSecond * 3600)}/h`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
