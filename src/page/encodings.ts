import { promisify } from 'node:util';
import { brotliCompress, constants, gzip, zstdCompress } from 'node:zlib';
import { responseControl } from './cache-control.ts';
import { type Fields, fieldValue, firstLine, listMembers } from './fields.ts';

/** Content codings a page is stored in, best first. */
export const ENCODINGS = ['zstd', 'br', 'gzip'] as const;
export type Encoding = (typeof ENCODINGS)[number];

const COMPRESS: Record<Encoding, (body: Buffer) => Promise<Buffer>> = {
  gzip: (body) => promisify(gzip)(body, { level: 6 }),
  br: (body) =>
    promisify(brotliCompress)(body, {
      params: { [constants.BROTLI_PARAM_QUALITY]: 5, [constants.BROTLI_PARAM_SIZE_HINT]: body.length },
    }),
  zstd: (body) => promisify(zstdCompress)(body, { params: { [constants.ZSTD_c_compressionLevel]: 6 } }),
};

/** Bodies of these types shrink; others are compressed already. */
const COMPRESSIBLE =
  /^(?:text\/|application\/(?:[\w.+-]*\+?(?:json|xml)|javascript|manifest\+json|wasm|rtf|x-ndjson)|image\/svg\+xml|font\/(?:ttf|otf))/i;

export function isCompressible(contentType: string | undefined): boolean {
  return contentType !== undefined && COMPRESSIBLE.test(contentType) && !/^text\/event-stream/i.test(contentType);
}

/**
 * Whether an answer with these fields is one whose coding is chosen here. Told from the head alone, so that the first
 * answer and later ones say the same: an unknown length counts as long.
 */
export function isNegotiated(fields: Fields, leastBytes: number): boolean {
  return (
    Number(firstLine(fields, 'content-length') ?? Infinity) >= leastBytes &&
    isCompressible(firstLine(fields, 'content-type')) &&
    fieldValue(fields, 'content-encoding') === undefined &&
    !responseControl(fields).noTransform
  );
}

/**
 * The coding to answer with: among those on offer the one the client prefers, of equals the first of
 * {@link ENCODINGS}. Undefined: as it is (RFC 9110 §12.5.3).
 */
export function chooseEncoding(acceptEncoding: string, offered: readonly Encoding[]): Encoding | undefined {
  if (acceptEncoding === '' || offered.length === 0) return undefined;
  const qualities = codingQualities(acceptEncoding);
  let chosen: Encoding | undefined;
  let best = 0;
  for (const encoding of ENCODINGS) {
    if (!offered.includes(encoding)) continue;
    const quality = qualities.get(encoding) ?? qualities.get('*') ?? 0;
    if (quality > best) [chosen, best] = [encoding, quality];
  }
  return best >= (qualities.get('identity') ?? 0) ? chosen : undefined;
}

/** Whether a body in `coding` may be sent at all. */
export function accepts(acceptEncoding: string, coding: string): boolean {
  const qualities = codingQualities(acceptEncoding);
  return (qualities.get(coding) ?? qualities.get('*') ?? 0) > 0;
}

function codingQualities(acceptEncoding: string): Map<string, number> {
  const qualities = new Map<string, number>();
  for (const member of listMembers(acceptEncoding)) {
    const [name = '', ...parameters] = member.split(';').map((part) => part.trim().toLowerCase());
    const quality = parameters.find((parameter) => parameter.startsWith('q='));
    qualities.set(name === 'x-gzip' ? 'gzip' : name, quality === undefined ? 1 : Number(quality.slice(2)) || 0);
  }
  return qualities;
}

/**
 * Remembers the choice per distinct `Accept-Encoding`: browsers send a handful. Bounded: the rest is computed each time.
 */
export class EncodingChoices {
  readonly #masks = new Map<string, (Encoding | undefined)[]>();
  readonly #capacity: number;

  constructor(capacity = 256) {
    this.#capacity = capacity;
  }

  /** @param offered bit per {@link ENCODINGS} index. */
  choose(acceptEncoding: string, offered: number): Encoding | undefined {
    if (offered === 0 || acceptEncoding === '') return undefined;
    let choices = this.#masks.get(acceptEncoding);
    if (!choices) {
      choices = Array.from({ length: 1 << ENCODINGS.length }, (_, mask) =>
        chooseEncoding(
          acceptEncoding,
          ENCODINGS.filter((__, bit) => mask & (1 << bit)),
        ),
      );
      if (this.#masks.size < this.#capacity) this.#masks.set(acceptEncoding, choices);
    }
    return choices[offered];
  }
}

/** Compresses bodies off the main thread, a few at a time, first come first served. */
export class Compressor {
  readonly #concurrency: number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(concurrency: number) {
    this.#concurrency = concurrency;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** The body in each of `encodings` that makes it at least a tenth smaller. */
  async compress(body: Buffer, encodings: readonly Encoding[]): Promise<Partial<Record<Encoding, Buffer>>> {
    const results: Partial<Record<Encoding, Buffer>> = {};
    for (const encoding of encodings) {
      const smaller = await this.#inTurn(() => COMPRESS[encoding](body));
      if (smaller.length < body.length * 0.9) results[encoding] = smaller;
    }
    return results;
  }

  async #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#running >= this.#concurrency) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running++;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running--;
    }
  }
}
