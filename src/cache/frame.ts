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
  /** How long a process keeps its copy, where the one who stored it said so. */
  readonly memoryTtlMs: number | undefined;
}

type FrameTags = Pick<FramedEntry<unknown>, 'tags' | 'versions'>;

/** How a body is written: as it is, or by the codec. */
const TEXT = 0;
const BYTES = 1;
const BUFFER = 2;
const CODEC = 3;
const COMPRESSED = 0x80;

const VERSION = 2;
const TAGS_AT = 38;

/**
 * Frame, little endian: version (1 byte), kind of body (1), length of the tags (4), grace and last use in ms after the end
 * of freshness, ms the load took, and ms of `memoryTtl` or NaN (8 each, doubles); the tags as one JSON list of names, each
 * with its hard and soft version; the body.
 */
export class FrameFormat<Value> {
  readonly #codec: Codec<Value>;
  readonly #compressAboveBytes: number;
  /** What was read last: most values have the same few tags. */
  #tagsText = '[]';
  #tags: FrameTags = { tags: [], versions: [] };

  constructor(codec: Codec<Value>, compressAboveBytes: number) {
    this.#codec = codec;
    this.#compressAboveBytes = compressAboveBytes;
  }

  encode(entry: FramedEntry<Value>): StoredValue {
    const { value, times, tags, versions } = entry;
    const kind = kindOf(value);
    let body = this.#bodyOf(value, kind);
    const compressed = body.length > this.#compressAboveBytes ? compress(body) : undefined;
    if (compressed) body = compressed;
    const tagBytes = Buffer.from(JSON.stringify(tags.flatMap((tag, at) => [tag, versions[at]!.hard, versions[at]!.soft])));
    const bytes = Buffer.allocUnsafe(TAGS_AT + tagBytes.length + body.length);
    bytes[0] = VERSION;
    bytes[1] = compressed ? kind | COMPRESSED : kind;
    bytes.writeUInt32LE(tagBytes.length, 2);
    bytes.writeDoubleLE(times.graceUntilMs - times.freshUntilMs, 6);
    bytes.writeDoubleLE(times.usableUntilMs - times.freshUntilMs, 14);
    bytes.writeDoubleLE(entry.loadMs, 22);
    bytes.writeDoubleLE(entry.memoryTtlMs ?? NaN, 30);
    tagBytes.copy(bytes, TAGS_AT);
    bytes.set(body, TAGS_AT + tagBytes.length);
    return { storedMs: times.storedMs, freshUntilMs: times.freshUntilMs, bytes };
  }

  /** undefined for bytes that are no frame of this version, or that the codec cannot read: another release may share the store. */
  decode(stored: StoredValue): FramedEntry<Value> | undefined {
    const bytes = asBuffer(stored.bytes);
    if (bytes.length < TAGS_AT || bytes[0] !== VERSION) return undefined;
    const bodyAt = TAGS_AT + bytes.readUInt32LE(2);
    if (bodyAt > bytes.length) return undefined;
    const { storedMs, freshUntilMs } = stored;
    // Counted from the end of freshness: the store may have moved it since.
    const graceUntilMs = freshUntilMs + bytes.readDoubleLE(6);
    const usableUntilMs = freshUntilMs + bytes.readDoubleLE(14);
    const memoryTtlMs = bytes.readDoubleLE(30);
    try {
      const { tags, versions } = this.#tagsOf(bytes.toString('utf8', TAGS_AT, bodyAt));
      return {
        value: this.#valueOf(bytes.subarray(bodyAt), bytes[1]!),
        tags,
        versions,
        times: { storedMs, freshUntilMs, graceUntilMs, usableUntilMs },
        loadMs: bytes.readDoubleLE(22),
        memoryTtlMs: Number.isNaN(memoryTtlMs) ? undefined : memoryTtlMs,
      };
    } catch {
      return undefined;
    }
  }

  #tagsOf(text: string): FrameTags {
    if (text === this.#tagsText) return this.#tags;
    const parts = JSON.parse(text) as string[];
    const tags: string[] = [];
    const versions: TagVersion[] = [];
    for (let at = 0; at < parts.length; at += 3) {
      tags.push(parts[at]!);
      versions.push({ hard: parts[at + 1]!, soft: parts[at + 2]! });
    }
    this.#tagsText = text;
    return (this.#tags = { tags, versions });
  }

  #bodyOf(value: Value, kind: number): Uint8Array {
    if (kind === CODEC) return this.#codec.encode(value);
    return typeof value === 'string' ? Buffer.from(value) : (value as Uint8Array);
  }

  /** Bytes are copied: a part of what came over the network would keep all of it in memory. */
  #valueOf(raw: Buffer, kind: number): Value {
    const body = kind & COMPRESSED ? zstdDecompressSync(raw) : raw;
    switch (kind & ~COMPRESSED) {
      case TEXT:
        return body.toString() as Value;
      case BYTES:
        return new Uint8Array(body) as Value;
      case BUFFER:
        return Buffer.from(body) as Value;
      default:
        return this.#codec.decode(body);
    }
  }
}

function kindOf(value: unknown): number {
  if (typeof value === 'string') return TEXT;
  if (Buffer.isBuffer(value)) return BUFFER;
  return value instanceof Uint8Array ? BYTES : CODEC;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** zstd level 3, when that saves at least an eighth. */
function compress(body: Uint8Array): Buffer | undefined {
  const compressed = zstdCompressSync(body);
  return compressed.length < body.length * 0.875 ? compressed : undefined;
}
