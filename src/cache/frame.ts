import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { StoredValue, TagVersion } from '../ports/index.ts';
import type { EntryTimes } from './cached-entry.ts';
import type { Codec } from './types.ts';

/** An entry as the shared store holds it. */
export interface FramedEntry<Value> {
  readonly value: Value;
  readonly tags: readonly string[];
  readonly versions: readonly TagVersion[];
  readonly times: EntryTimes;
  readonly loadMs: number;
}

type Body = 'text' | 'bytes' | 'buffer' | 'codec';

interface Head {
  /** Grace and last use, ms after `freshUntil`'s original value; load cost in ms. */
  readonly f: number;
  readonly g: number;
  readonly u: number;
  readonly l: number;
  readonly t: readonly string[];
  /** Hard and soft version of each tag in turn. */
  readonly v: readonly string[];
  /** How the body is written: text, bytes, or by the codec; `z`: and compressed. */
  readonly b: Body;
  readonly z?: 1;
}

const VERSION = 1;

/** Frame: version (1 byte), length of the head (4), head as JSON, body as it is. */
export class FrameFormat<Value> {
  readonly #codec: Codec<Value>;
  readonly #compressAboveBytes: number;

  constructor(codec: Codec<Value>, compressAboveBytes: number) {
    this.#codec = codec;
    this.#compressAboveBytes = compressAboveBytes;
  }

  encode(entry: FramedEntry<Value>): StoredValue {
    const { value, times } = entry;
    const kind = kindOf(value);
    let body = this.#bodyOf(value, kind);
    const compressed = body.length > this.#compressAboveBytes ? compress(body) : undefined;
    if (compressed) body = compressed;
    const head: Head = {
      f: times.freshUntilMs,
      g: times.graceUntilMs,
      u: times.usableUntilMs,
      l: entry.loadMs,
      t: entry.tags,
      v: entry.versions.flatMap((version) => [version.hard, version.soft]),
      b: kind,
      ...(compressed && { z: 1 }),
    };
    const headBytes = Buffer.from(JSON.stringify(head));
    const bytes = Buffer.allocUnsafe(5 + headBytes.length + body.length);
    bytes[0] = VERSION;
    bytes.writeUInt32LE(headBytes.length, 1);
    headBytes.copy(bytes, 5);
    bytes.set(body, 5 + headBytes.length);
    return { storedMs: times.storedMs, freshUntilMs: times.freshUntilMs, bytes };
  }

  /** undefined for bytes that are no frame of this version: another release may share the store. */
  decode(stored: StoredValue): FramedEntry<Value> | undefined {
    const bytes = Buffer.from(stored.bytes.buffer, stored.bytes.byteOffset, stored.bytes.byteLength);
    if (bytes.length < 5 || bytes[0] !== VERSION) return undefined;
    const bodyAt = 5 + bytes.readUInt32LE(1);
    if (bodyAt > bytes.length) return undefined;
    const head = JSON.parse(bytes.toString('utf8', 5, bodyAt)) as Head;
    const raw = bytes.subarray(bodyAt);
    return {
      value: this.#valueOf(head.z ? zstdDecompressSync(raw) : raw, head.b),
      tags: head.t,
      versions: head.t.map((_, at) => ({ hard: head.v[2 * at]!, soft: head.v[2 * at + 1]! })),
      times: timesOf(stored, head),
      loadMs: head.l,
    };
  }

  #bodyOf(value: Value, kind: Body): Uint8Array {
    if (kind === 'codec') return this.#codec.encode(value);
    return typeof value === 'string' ? Buffer.from(value) : (value as Uint8Array);
  }

  /** Bytes are copied: a part of what came over the network would keep all of it in memory. */
  #valueOf(body: Buffer, kind: Body): Value {
    if (kind === 'codec') return this.#codec.decode(body);
    const value = kind === 'text' ? body.toString() : kind === 'bytes' ? new Uint8Array(body) : Buffer.from(body);
    return value as Value;
  }
}

function kindOf(value: unknown): Body {
  if (typeof value === 'string') return 'text';
  if (Buffer.isBuffer(value)) return 'buffer';
  return value instanceof Uint8Array ? 'bytes' : 'codec';
}

/** The store may have marked the value stale since it was framed; grace counts from there. */
function timesOf(stored: StoredValue, head: Head): EntryTimes {
  const { storedMs, freshUntilMs } = stored;
  const earlierMs = head.f - freshUntilMs;
  return { storedMs, freshUntilMs, graceUntilMs: head.g - earlierMs, usableUntilMs: head.u - earlierMs };
}

/** zstd level 3, when that saves at least an eighth. */
function compress(body: Uint8Array): Buffer | undefined {
  const compressed = zstdCompressSync(body);
  return compressed.length < body.length * 0.875 ? compressed : undefined;
}
