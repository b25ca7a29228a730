import { randomFillSync } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Random } from '../kernel/index.ts';

/** A trace's ids are drawn ahead, so many bytes at a time. */
const POOL_BYTES = 4096;
const TRACE_BYTES = 16;
const SPAN_BYTES = 8;

const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(-.*)?$/;

/**
 * The trace a request belongs to (W3C Trace Context): continued when the request comes with one, begun here otherwise. Either
 * way the part of it that this gateway plays has an id of its own, which the upstream sees as its parent.
 */
export class TraceContext {
  readonly #sample: number;
  readonly #random: Random;
  readonly #pool = Buffer.alloc(POOL_BYTES);
  #used = POOL_BYTES;

  /** @param sample share of the traces begun here that are marked as sampled. */
  constructor(sample: number, random: Random) {
    this.#sample = sample;
    this.#random = random;
  }

  /** A `traceparent` to send on for the one that came, if one did. */
  next(given?: string): string {
    const [, version, trace, flags, rest] = TRACEPARENT.exec(given ?? '') ?? [];
    // Version 00 ends with its flags; a later one may go on.
    if (trace !== undefined && (version !== '00' || rest === undefined)) {
      const known = (Number.parseInt(flags!, 16) & 0x03).toString(16).padStart(2, '0');
      return `00-${trace}-${this.#id(SPAN_BYTES)}-${known}`;
    }
    const sampled = this.#random.next() < this.#sample ? '01' : '00';
    return `00-${this.#id(TRACE_BYTES)}-${this.#id(SPAN_BYTES)}-${sampled}`;
  }

  /**
   * Puts the request's part of its trace in place of what it came with, so that whoever passes it on or logs it has the
   * same. The state of a trace that is not continued goes.
   */
  applyTo(request: IncomingMessage): void {
    const { rawHeaders: rawFields } = request;
    const given = valuesOf(rawFields, 'traceparent');
    const next = this.next(given.length === 1 ? given[0] : undefined);
    const continued = given.length === 1 && next.slice(3, 35) === given[0]!.slice(3, 35);
    remove(rawFields, 'traceparent');
    if (!continued) remove(rawFields, 'tracestate');
    rawFields.push('traceparent', next);
    // The same fields once more: Node has made this view of them by now.
    request.headers['traceparent'] = next;
    if (!continued) delete request.headers['tracestate'];
  }

  /** Random and not all zero, in hexadecimal. */
  #id(bytes: number): string {
    if (this.#used + bytes > POOL_BYTES) {
      randomFillSync(this.#pool);
      this.#used = 0;
    }
    const id = this.#pool.toString('hex', this.#used, (this.#used += bytes));
    return /[^0]/.test(id) ? id : this.#id(bytes);
  }
}

function valuesOf(rawFields: readonly string[], name: string): string[] {
  return rawFields.filter((_, at) => at % 2 === 1 && rawFields[at - 1]!.toLowerCase() === name);
}

function remove(rawFields: string[], name: string): void {
  for (let at = rawFields.length - 2; at >= 0; at -= 2) if (rawFields[at]!.toLowerCase() === name) rawFields.splice(at, 2);
}
