import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib';
import type { Answer, Fault } from './transport.ts';

const DECODERS: Record<string, (bytes: Buffer) => Buffer> = {
  gzip: gunzipSync,
  'x-gzip': gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
  zstd: zstdDecompressSync,
};

const NO_ANSWER: Answer = { status: 0, head: '', body: Buffer.alloc(0), bodyBytes: 0 };

/** An answer as scenarios see it; decoding waits until it is asked for. */
export class LoadResponse {
  /** 0 when no answer came; see {@link fault}. */
  readonly status: number;
  /** Why no answer came; undefined when one did. */
  readonly fault: Fault | undefined;
  /** From the intended time to the last byte, ms. */
  readonly latencyMs: number;
  readonly #answer: Answer;
  #headers: Map<string, string> | undefined;

  constructor(answer: Answer | undefined, fault: Fault | undefined, latencyMs: number) {
    this.#answer = answer ?? NO_ANSWER;
    this.status = this.#answer.status;
    this.fault = fault;
    this.latencyMs = latencyMs;
  }

  /** The value of a header field, by any spelling of its name; several of one name are joined with a comma. */
  header(name: string): string | undefined {
    this.#headers ??= parseFields(this.#answer.head);
    return this.#headers.get(name.toLowerCase());
  }

  /** The body as received. */
  get body(): Buffer {
    return this.#answer.body;
  }

  /** The body as text, decompressed where the answer says it is compressed. */
  text(): string {
    const decode = DECODERS[this.header('content-encoding')?.toLowerCase() ?? ''];
    return (decode ? decode(this.#answer.body) : this.#answer.body).toString('utf8');
  }

  /** The body as JSON; throws where it is none. */
  json<T = unknown>(): T {
    return JSON.parse(this.text()) as T;
  }
}

function parseFields(head: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of head.split('\r\n').slice(1)) {
    const colon = line.indexOf(':');
    if (colon <= 0) continue;
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    fields.set(name, fields.has(name) ? `${fields.get(name)}, ${value}` : value);
  }
  return fields;
}
