import type { Decision, LimitState } from './decision.ts';

/** Which response fields tell clients about their limits. */
export interface FieldChoice {
  /** `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-11). */
  readonly standard: boolean;
  /** `X-RateLimit-Limit`, `-Remaining` and `-Reset` (seconds from now). */
  readonly legacy: boolean;
}

export const ALL_FIELDS: FieldChoice = { standard: true, legacy: true };

/** The response fields of a decision, names and values; `Retry-After` only on a refusal. */
export function limitFields(decision: Decision, choice: FieldChoice = ALL_FIELDS): [name: string, value: string][] {
  const fields: [string, string][] = [];
  if (decision.states.length > 0) {
    if (choice.standard) fields.push(['ratelimit-policy', policyField(decision)], ['ratelimit', stateField(decision)]);
    if (choice.legacy) {
      fields.push(
        ['x-ratelimit-limit', String(decision.limit)],
        ['x-ratelimit-remaining', String(decision.remaining)],
        ['x-ratelimit-reset', String(seconds(decision.allowed ? decision.resetMs : decision.retryAfterMs))],
      );
    }
  }
  if (!decision.allowed && decision.retryAfterMs > 0) fields.push(['retry-after', String(seconds(decision.retryAfterMs))]);
  return fields;
}

/** {@link limitFields} of an allowed decision as lines of a response head, each with its line break. */
export function limitFieldLines(decision: Decision, choice: FieldChoice = ALL_FIELDS): string {
  if (decision.states.length === 0) return '';
  const { limit, remaining, resetMs } = decision;
  let lines = choice.standard ? `ratelimit-policy: ${policyField(decision)}\r\nratelimit: ${stateField(decision)}\r\n` : '';
  if (choice.legacy)
    lines += `x-ratelimit-limit: ${limit}\r\nx-ratelimit-remaining: ${remaining}\r\nx-ratelimit-reset: ${seconds(resetMs)}\r\n`;
  return lines;
}

/**
 * The same of a single limit, cut at each place where the units that remain stand: they alone differ from one request to the
 * next, until `resetMs` is another second.
 */
export function limitLinePieces(state: LimitState, choice: FieldChoice): string[] {
  const { policy, limit, resetMs } = state;
  const t = seconds(resetMs);
  const standard = [`ratelimit-policy: ${policyText(state)}\r\nratelimit: "${policy}";r=`, `${t > 0 ? `;t=${t}` : ''}\r\n`];
  const legacy = [`x-ratelimit-limit: ${limit}\r\nx-ratelimit-remaining: `, `\r\nx-ratelimit-reset: ${t}\r\n`];
  if (!choice.legacy) return choice.standard ? standard : [''];
  return choice.standard ? [standard[0]!, standard[1]! + legacy[0]!, legacy[1]!] : legacy;
}

/** `"100-per-1m";q=100;w=60` per limit. The draft knows whole seconds only, so a shorter window goes unsaid. */
function policyField({ states }: Decision): string {
  let text = '';
  for (const state of states) text += text === '' ? policyText(state) : `, ${policyText(state)}`;
  return text;
}

const MAX_REMEMBERED = 1000;
/** The texts of the limits told last: they are the same in nearly every answer. */
const policyTexts = new Map<string, { readonly limit: number; readonly windowMs: number; readonly text: string }>();

function policyText(state: LimitState): string {
  const { policy, limit, windowMs } = state;
  const known = policyTexts.get(policy);
  if (known?.limit === limit && known.windowMs === windowMs) return known.text;
  const text = `"${policy}";q=${limit}${windowMs % 1000 === 0 ? `;w=${windowMs / 1000}` : ''}`;
  if (policyTexts.size >= MAX_REMEMBERED) policyTexts.clear();
  policyTexts.set(policy, { limit, windowMs, text });
  return text;
}

/**
 * `"100-per-1m";r=42;t=12` per limit. `t` ends when more becomes available; on a refusal only the limits that refuse have
 * one, so that none lies beyond Retry-After.
 */
function stateField({ allowed, states }: Decision): string {
  let text = '';
  for (const { policy, remaining, resetMs, retryAfterMs } of states) {
    const t = allowed ? resetMs : retryAfterMs;
    text += `${text === '' ? '' : ', '}"${policy}";r=${remaining}${t > 0 ? `;t=${seconds(t)}` : ''}`;
  }
  return text;
}

const LONGEST_SECONDS = 999_999_999_999_999;

/** Whole seconds, rounded up, so that who waits that long waits long enough. */
export function seconds(ms: number): number {
  return Math.min(LONGEST_SECONDS, Math.ceil(ms / 1000));
}
