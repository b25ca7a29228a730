import type { z } from 'zod';
import type { securityHeadersSection } from '../policy/index.ts';

export type SecurityHeadersSettings = z.output<typeof securityHeadersSection>;

const HTML = /^(?:text\/html|application\/xhtml\+xml)\b/i;

/**
 * Fields that tell browsers to be careful. An upstream that says something about one of them itself is left alone: it
 * knows its pages. What concerns documents only is sent with documents only.
 */
export class SecurityHeaders {
  /** Name and value of each, those for all answers first. */
  readonly #fields: readonly (readonly [name: string, value: string])[];
  /** The bit of each name. */
  readonly #bits: ReadonlyMap<string, number>;
  readonly #always: number;
  readonly #documents: number;
  readonly #hsts: number;
  /** What answers of Spillway's own carry, by scheme: they are no documents. Names and values in turn. */
  readonly own: Readonly<Record<'http' | 'https', readonly string[]>>;

  constructor({ hsts, noSniff, referrerPolicy, frames, permissionsPolicy }: Exclude<SecurityHeadersSettings, false>) {
    const always: Field[] = noSniff ? [['x-content-type-options', 'nosniff']] : [];
    const documents: Field[] = [
      ...(referrerPolicy === false ? [] : [['referrer-policy', referrerPolicy] as const]),
      ...(frames === 'any' ? [] : frameFields(frames)),
      ...(permissionsPolicy === false ? [] : [['permissions-policy', permissionsPolicy] as const]),
    ];
    const secure: Field[] = hsts ? [['strict-transport-security', hstsValue(hsts)]] : [];
    this.#fields = [...always, ...documents, ...secure];
    this.#bits = new Map(this.#fields.map(([name], at) => [name, 1 << at]));
    const bitsOf = (fields: readonly Field[]): number => fields.reduce((bits, [name]) => bits | this.#bits.get(name)!, 0);
    [this.#always, this.#documents, this.#hsts] = [bitsOf(always), bitsOf(documents), bitsOf(secure)];
    this.own = { http: this.addTo([], 'http'), https: this.addTo([], 'https') };
  }

  /**
   * @param fields names (lower-case) and values in turn.
   * @returns them and what they lack; the same array when that is nothing.
   */
  addTo(fields: string[], scheme: 'http' | 'https'): string[] {
    let missing = this.#always;
    // Over plain HTTP anybody on the way could write it, and browsers do not believe it (RFC 6797 §7.2).
    if (scheme === 'https') missing |= this.#hsts;
    let present = 0;
    for (let i = 0; i < fields.length; i += 2) {
      const name = fields[i]!;
      if (name === 'content-type' && HTML.test(fields[i + 1]!)) missing |= this.#documents;
      else present |= this.#bits.get(name) ?? 0;
    }
    missing &= ~present;
    return missing === 0 ? fields : [...fields, ...this.#fields.filter((_, at) => missing & (1 << at)).flat()];
  }
}

type Field = readonly [name: string, value: string];

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
