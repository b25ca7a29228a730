import { Packr } from '#msgpackr';
import { suitsJson } from './plain-json.ts';
import { sizeOf } from './size-of.ts';
import type { Codec } from './types.ts';

/**
 * MessagePack with record structures: objects of one shape in a list name their fields once. Keeps `Date`, `Map`, `Set`,
 * `RegExp`, typed arrays, `bigint` and `undefined`; instances of classes come back as plain objects, `-0` as `0`.
 */
const packr = new Packr({ useRecords: true, moreTypes: true, largeBigIntToString: true });

const OBJECT = '{'.charCodeAt(0);
const LIST = '['.charCodeAt(0);

/**
 * JSON for small plain objects, which V8 reads in half the time, else MessagePack. They tell themselves apart: what begins
 * with a brace or a bracket would be a record without a definition in MessagePack.
 */
export const valueCodec: Codec<unknown> = {
  encode: (value) => (suitsJson(value) ? Buffer.from(JSON.stringify(value)) : packr.pack(value)),
  decode: (bytes) => (bytes[0] === OBJECT || bytes[0] === LIST ? JSON.parse(textOf(bytes)) : packr.unpack(bytes)) as unknown,
  sizeOf,
};

function textOf(bytes: Uint8Array): string {
  return (Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)).toString();
}
