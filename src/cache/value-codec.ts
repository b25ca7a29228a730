import { Packr } from '#msgpackr';
import { sizeOf } from './size-of.ts';
import type { Codec } from './types.ts';

/**
 * MessagePack with record structures: objects of one shape in a list name their fields once. Keeps `Date`, `Map`, `Set`,
 * `RegExp`, typed arrays, `bigint` and `undefined`; instances of classes come back as plain objects, `-0` as `0`.
 */
const packr = new Packr({ useRecords: true, moreTypes: true, largeBigIntToString: true });

export const valueCodec: Codec<unknown> = {
  encode: (value) => packr.pack(value),
  decode: (bytes) => packr.unpack(bytes) as unknown,
  sizeOf,
};
