import type { z } from 'zod';
import type { securityHeadersSection } from '../policy/index.ts';

export type SecurityHeadersSettings = z.output<typeof securityHeadersSection>;

const HTML = /^(?:text\/html|application\/xhtml\+xml)\b/i;

/**
 * Fields that tell browsers to be careful. An upstream that says something about one of them itself is left alone: it
 * knows its pages. What concerns documents only is sent with documents only.
 */
export class SecurityHeaders {
  readonly #always: readonly (readonly [name: string, value: string])[];
  readonly #documents: readonly (readonly [name: string, value: string])[];
  readonly #hsts: string | undefined;

  constructor({ hsts, noSniff, referrerPolicy, frames, permissionsPolicy }: Exclude<SecurityHeadersSettings, false>) {
    this.#hsts = hsts ? hstsValue(hsts) : undefined;
    this.#always = noSniff ? [['x-content-type-options', 'nosniff']] : [];
    this.#documents = [
      ...(referrerPolicy === false ? [] : [['referrer-policy', referrerPolicy] as const]),
      ...(frames === 'any' ? [] : frameFields(frames)),
      ...(permissionsPolicy === false ? [] : [['permissions-policy', permissionsPolicy] as const]),
    ];
  }

  /**
   * @param fields names (lower-case) and values in turn.
   * @returns them and what they lack; the same array when that is nothing.
   */
  addTo(fields: readonly string[], scheme: 'http' | 'https'): readonly string[] {
    const isDocument = HTML.test(valueOf(fields, 'content-type') ?? '');
    const wanted = isDocument ? [...this.#always, ...this.#documents] : this.#always;
    // Over plain HTTP anybody on the way could write it, and browsers do not believe it (RFC 6797 §7.2).
    const hsts = scheme === 'https' && this.#hsts !== undefined ? [['strict-transport-security', this.#hsts] as const] : [];
    const missing = [...wanted, ...hsts].filter(([name]) => valueOf(fields, name) === undefined);
    return missing.length === 0 ? fields : [...fields, ...missing.flat()];
  }
}

/** Old browsers know the first of them, newer ones obey the second. */
function frameFields(frames: 'none' | 'self'): readonly (readonly [string, string])[] {
  return [
    ['x-frame-options', frames === 'none' ? 'DENY' : 'SAMEORIGIN'],
    ['content-security-policy', `frame-ancestors '${frames}'`],
  ];
}

function hstsValue({ maxAgeMs, includeSubDomains, preload }: HstsSettings): string {
  return `max-age=${Math.floor(maxAgeMs / 1000)}${includeSubDomains ? '; includeSubDomains' : ''}${preload ? '; preload' : ''}`;
}

type HstsSettings = Exclude<Exclude<SecurityHeadersSettings, false>['hsts'], false>;

function valueOf(fields: readonly string[], name: string): string | undefined {
  for (let i = 0; i < fields.length; i += 2) if (fields[i] === name) return fields[i + 1];
  return undefined;
}
