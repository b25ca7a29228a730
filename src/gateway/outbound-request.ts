import type { Readable } from 'node:stream';

/** A request as it is written to a connection. */
export interface OutboundRequest {
  readonly isHead: boolean;
  /** Request line, fields and the empty line. */
  readonly head: string;
  /** Everything behind the head, or what it comes from. */
  readonly body: Readable | Uint8Array | undefined;
  /** Of a body that is a stream: what its head announces; undefined: it goes in chunks. */
  readonly bodyBytes: number | undefined;
  /** Whether it may be sent a second time when it is not known what became of the first. */
  readonly repeatable: boolean;
}
