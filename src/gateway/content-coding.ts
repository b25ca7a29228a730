import { constants, createBrotliCompress, createGzip, createZstdCompress } from 'node:zlib';
import type { Transform } from 'node:stream';

export type Coding = 'br' | 'zstd' | 'gzip';

/** Types that shrink. Events are left alone: a compressor would hold them back. */
const COMPRESSIBLE =
  /^(?:text\/(?!event-stream)|application\/(?:[\w.+-]*\+?(?:json|xml)|javascript|manifest\+json|wasm|x-ndjson)|image\/svg\+xml)/i;

/** Cheap levels: these bytes are compressed for one client and thrown away. */
const COMPRESSORS: Record<Coding, () => Transform> = {
  gzip: () => createGzip({ level: 5 }),
  br: () => createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }),
  zstd: () => createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: 3 } }),
};

export function compressorFor(coding: Coding): Transform {
  return COMPRESSORS[coding]();
}

export function isCompressible(contentType: string | undefined): boolean {
  return contentType !== undefined && COMPRESSIBLE.test(contentType);
}

/** The first of `offered` that the client takes as gladly as any (RFC 9110 §12.5.3); undefined: as it is. */
export function chooseCoding(acceptEncoding: string | undefined, offered: readonly Coding[]): Coding | undefined {
  if (!acceptEncoding) return undefined;
  const qualities = new Map<string, number>();
  for (const member of acceptEncoding.toLowerCase().split(',')) {
    const [name = '', ...parameters] = member.split(';').map((part) => part.trim());
    const quality = parameters.find((parameter) => parameter.startsWith('q='));
    qualities.set(name, quality === undefined ? 1 : Number(quality.slice(2)) || 0);
  }
  let chosen: Coding | undefined;
  let best = 0;
  for (const coding of offered) {
    const quality = qualities.get(coding) ?? qualities.get('*') ?? 0;
    if (quality > best) [chosen, best] = [coding, quality];
  }
  return best >= (qualities.get('identity') ?? 0) ? chosen : undefined;
}
