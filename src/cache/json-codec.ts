import { sizeOf } from './size-of.ts';
import type { Codec } from './types.ts';

/** JSON, the default codec until a value needs more. */
export const jsonCodec: Codec<unknown> = {
  encode: (value) => Buffer.from(JSON.stringify(value)),
  decode: (bytes) => JSON.parse(Buffer.from(bytes).toString()) as unknown,
  sizeOf,
};
