import { pack, unpack } from '#msgpackr';
import type { Codec } from '../cache/index.ts';
import type { RoutePolicy } from '../policy/index.ts';
import type { PreparedAnswer } from '../ports/index.ts';
import { ENCODINGS, type Encoding } from './encodings.ts';
import type { Fields } from './fields.ts';
import type { Lifetimes } from './freshness.ts';
import type { PageAddress } from './key.ts';
import { PageTraffic } from './traffic.ts';

/** Which bytes of the whole a stored body holds. */
export interface ContentRange {
  readonly first: number;
  readonly last: number;
  readonly total: number;
}

export interface PageData {
  readonly status: number;
  /** End-to-end fields as the origin sent them, without `Age`, `Content-Length` and what it asked not to store. */
  readonly fields: Fields;
  /** As the origin sent it. */
  readonly body: Buffer;
  /** The coding is chosen here, by what each client accepts. */
  readonly negotiated: boolean;
  /** The same body in further codings. */
  readonly encoded: Readonly<Partial<Record<Encoding, Buffer>>>;
  /** The origin's entity tag, or a strong one made from the body. */
  readonly etag: string | undefined;
  /** Undefined: the body is whole. */
  readonly range: ContentRange | undefined;
  readonly lifetimes: Lifetimes;
  /** Wall-clock ms at which the head of the answer (or of the last 304 for it) came in. */
  readonly receivedMs: number;
  /** How long the upstream took for the whole of it, ms. */
  readonly renderMs: number;
  readonly address: PageAddress;
  /** The selecting fields of the request that made it, for making it again. */
  readonly requestFields: Fields;
  /** Tags without those Spillway adds by itself. */
  readonly tags: readonly string[];
}

/** An answer as it is, or a 304 that says that the client has it. */
export type AnswerForm = 'whole' | 'notModified';

export interface ReadyHead {
  readonly bytes: Buffer;
  /** The wall-clock second it is true for. */
  readonly second: number;
}

/** A stored page in one coding, ready to send: `writeHead(status, fields)` and `end(body)`. */
export interface ReadyAnswer {
  readonly status: number;
  /** Names and values in turn, `Age` and `Cache-Status` last but refreshed in place once a second. */
  readonly fields: string[];
  /** The same without the fields a 304 leaves out (RFC 9110 §15.4.5). */
  readonly notModifiedFields: string[];
  readonly etag: string | undefined;
  readonly body: Buffer;
  /** The wall-clock second `fields` is true for. */
  second: number;
  /** Whole heads as bytes, for a server that writes sockets itself. */
  readonly heads: Record<AnswerForm, ReadyHead | undefined>;
  readonly prepared: Record<AnswerForm, PreparedAnswer | undefined>;
}

/** A stored answer, with what has been made ready of it in this process. */
export class StoredPage {
  readonly kind = 'page';
  readonly data: PageData;
  /** Answers ready to send: as it is first, then one per {@link ENCODINGS}. Made when first asked for. */
  readonly ready: (ReadyAnswer | undefined)[] = [undefined, undefined, undefined, undefined];
  /** Bit per {@link ENCODINGS} index. */
  readonly offered: number;
  /** How often it is asked for in this process; goes on from one making of the page to the next. */
  traffic: PageTraffic;
  /** From when on a much read page is made again early; Infinity once that was looked into. */
  earlyMs: number;
  /** The route it was last served for; the same URL has one route. */
  route: RoutePolicy | undefined;

  constructor(data: PageData) {
    this.data = data;
    this.offered = ENCODINGS.reduce((mask, encoding, bit) => (data.encoded[encoding] ? mask | (1 << bit) : mask), 0);
    this.traffic = new PageTraffic(data.receivedMs);
    this.earlyMs = data.receivedMs + earlyAfterMs(data.lifetimes.freshMs);
  }

  /** The same body after a validation said it still holds. */
  renewed(news: Pick<PageData, 'fields' | 'lifetimes' | 'receivedMs' | 'renderMs'>): StoredPage {
    return new StoredPage({ ...this.data, ...news });
  }

  ageMs(nowMs: number): number {
    return this.data.lifetimes.initialAgeMs + Math.max(0, nowMs - this.data.receivedMs);
  }
}

const EARLY_SHARE = 0.95;
/** What is made again within a minute anyway would only be made more often. */
const SHORTEST_EARLY_MS = 60_000;

/** At which age a much read page is made again, before it expires at `freshMs`. */
export function earlyAfterMs(freshMs: number): number {
  return freshMs < SHORTEST_EARLY_MS ? Infinity : freshMs * EARLY_SHARE;
}

/** Stands at the key of a URL whose answers vary: which request fields select, and where the variants lie. */
export interface VariantIndex {
  readonly kind: 'variants';
  /** Selecting request fields, lower-case, sorted. */
  readonly names: readonly string[];
  /** Part of every variant's key: a new index makes all earlier variants unreachable. */
  readonly generation: string;
  /** `Content-Language` of variants → their key, for choosing by preference. */
  readonly languages: Readonly<Record<string, string>>;
}

/** One of the fleet's places for a running regeneration, with what it used up of the day's budget. */
export interface RegenerationSlot {
  readonly kind: 'slot';
  readonly day: number;
  readonly used: number;
}

/** What a process tells the fleet of itself. */
export interface RosterLine {
  /** Wall-clock ms at which it was written. */
  readonly atMs: number;
  /** How many of the fleet's waiting pages may wait there. */
  readonly room: number;
  readonly waiting: number;
  /** Requests an hour by digest of a page's key, of pages much asked for there. */
  readonly rates: Readonly<Record<string, number>>;
}

/** Stands in the shared store: a line per process. */
export interface Roster {
  readonly kind: 'roster';
  readonly lines: Readonly<Record<string, RosterLine>>;
}

export type PageEntry = StoredPage | VariantIndex | RegenerationSlot | Roster;

const FORMAT = 1;
/** Objects and numbers an entry keeps beside its bytes, roughly. */
const OVERHEAD_BYTES = 1500;

/**
 * Frame: format byte, length of the head (uint32), head (MessagePack), then the bodies one after another. Bodies are
 * never copied into the head, and decoding slices instead of copying.
 */
export const pageCodec: Codec<PageEntry> = {
  encode(entry) {
    if (entry.kind !== 'page') return frame(pack(entry), []);
    const { body, encoded, ...head } = entry.data;
    const bodies = [body, ...ENCODINGS.map((encoding) => encoded[encoding]).filter((coded) => coded !== undefined)];
    const names = ENCODINGS.filter((encoding) => encoded[encoding]);
    return frame(pack({ kind: 'page', head, names, lengths: bodies.map((part) => part.length) }), bodies);
  },
  decode(bytes) {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (buffer[0] !== FORMAT) throw new RangeError(`page format ${buffer[0]} is not ${FORMAT}`);
    const headEnd = 5 + buffer.readUInt32LE(1);
    const head = unpack(buffer.subarray(5, headEnd)) as PageHead | Exclude<PageEntry, StoredPage>;
    if (head.kind !== 'page') return head;
    let at = headEnd;
    const [body, ...coded] = head.lengths.map((length) => buffer.subarray(at, (at += length)));
    const encoded = Object.fromEntries(head.names.map((name, index) => [name, coded[index]!]));
    return new StoredPage({ ...head.head, body: body!, encoded });
  },
  sizeOf(entry) {
    if (entry.kind !== 'page') return 300;
    const { body, encoded, fields } = entry.data;
    const bodies = ENCODINGS.reduce((sum, encoding) => sum + (encoded[encoding]?.length ?? 0), body.length);
    return bodies + fields.reduce((sum, text) => sum + text.length, 0) + OVERHEAD_BYTES;
  },
};

interface PageHead {
  readonly kind: 'page';
  readonly head: Omit<PageData, 'body' | 'encoded'>;
  readonly names: readonly Encoding[];
  readonly lengths: readonly number[];
}

function frame(head: Buffer, bodies: readonly Buffer[]): Buffer {
  const start = Buffer.alloc(5);
  start[0] = FORMAT;
  start.writeUInt32LE(head.length, 1);
  return Buffer.concat([start, head, ...bodies]);
}
