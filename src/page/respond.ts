import type { ServerResponse } from 'node:http';
import type { RoutePolicy } from '../policy/index.ts';
import type { PreparedAnswer } from '../ports/index.ts';
import { forwardStatus, type Forwarded, hitStatus } from './cache-status.ts';
import { isNotModified, noneMatchFails } from './conditional.ts';
import { accepts, ENCODINGS, type EncodingChoices } from './encodings.ts';
import { type Fields, fieldValue, withoutFields } from './fields.ts';
import { formatContentRange, ifRangeHolds, requestedRange } from './range.ts';
import { headBytes, readyAnswer, refreshAnswer } from './ready-answer.ts';
import type { ReadyAnswer, StoredPage } from './stored-page.ts';
import type { RequestFacts } from './request.ts';

/** How an answer from the store is to be marked in `Cache-Status`. */
export type Marking =
  | { readonly kind: 'hit'; readonly detail?: string }
  | { readonly kind: 'forwarded'; readonly forwarded: Forwarded };

const HIT: Marking = { kind: 'hit' };

export interface StoredReply {
  readonly response: ServerResponse;
  readonly method: string;
  readonly facts: RequestFacts;
  readonly route: RoutePolicy;
  readonly page: StoredPage;
  readonly freshUntilMs: number;
  readonly nowMs: number;
  readonly marking?: Marking;
}

/** Writes stored pages to clients: whole, in part, or as 304. */
export class Responder {
  readonly #name: string;
  readonly #choices: EncodingChoices;

  constructor(name: string, choices: EncodingChoices) {
    this.#name = name;
    this.#choices = choices;
  }

  /** The answer in the coding this client prefers, with its fields true for now; undefined when it accepts none. */
  answerFor(
    page: StoredPage,
    acceptEncoding: string,
    route: RoutePolicy,
    nowMs: number,
    freshUntilMs: number,
  ): ReadyAnswer | undefined {
    const encoding = this.#choices.choose(acceptEncoding, page.offered);
    if (encoding === undefined && !this.#mayHaveAsIs(page, acceptEncoding)) return undefined;
    const slot = encoding === undefined ? 0 : ENCODINGS.indexOf(encoding) + 1;
    const answer = (page.ready[slot] ??= readyAnswer(page, encoding, route.headers));
    refreshAnswer(answer, page, this.#name, nowMs, freshUntilMs);
    return answer;
  }

  /** A plain GET for a fresh page: nothing to decide, nothing to build. False when the client accepts no coding of it. */
  sendPlain(
    response: ServerResponse,
    acceptEncoding: string,
    page: StoredPage,
    route: RoutePolicy,
    nowMs: number,
    freshUntilMs: number,
  ): boolean {
    const answer = this.answerFor(page, acceptEncoding, route, nowMs, freshUntilMs);
    if (answer === undefined) return false;
    response.writeHead(answer.status, answer.fields);
    response.end(answer.body);
    return true;
  }

  /** An answer as bytes, made once and true for each second it is sent in; a 304 where `ifNoneMatch` holds. */
  prepared(
    answer: ReadyAnswer,
    page: StoredPage,
    route: RoutePolicy,
    ifNoneMatch: string | undefined,
    freshUntilMs: number,
  ): PreparedAnswer {
    const isKnown = ifNoneMatch !== undefined && page.data.status === 200 && noneMatchFails(ifNoneMatch, answer.etag);
    const form = isKnown ? 'notModified' : 'whole';
    return (answer.prepared[form] ??= {
      route,
      status: isKnown ? 304 : answer.status,
      body: isKnown ? NOTHING : answer.body,
      head: (nowMs) => {
        refreshAnswer(answer, page, this.#name, nowMs, freshUntilMs);
        return headBytes(answer, form);
      },
    });
  }

  /** Any other request that a stored page answers. False when the client accepts no coding of it. */
  send(reply: StoredReply): boolean {
    const { response, facts, page, nowMs, freshUntilMs } = reply;
    const answer = this.answerFor(page, facts.range === undefined ? facts.acceptEncoding : '', reply.route, nowMs, freshUntilMs);
    if (answer === undefined) return false;
    const status = this.#statusOf(reply);
    if (page.data.status === 200 && isNotModified(facts, answer.etag, page.data.fields, nowMs)) {
      response.writeHead(304, marked(answer.notModifiedFields, status));
      response.end();
      return true;
    }
    if (facts.range !== undefined && (page.data.range !== undefined || page.data.status === 200)) {
      return this.#sendPart(reply, answer, status);
    }
    response.writeHead(answer.status, marked(answer.fields, status));
    response.end(reply.method === 'HEAD' ? undefined : answer.body);
    return true;
  }

  #sendPart({ response, method, facts, page }: StoredReply, answer: ReadyAnswer, status: string): boolean {
    const held = page.data.range ?? { first: 0, last: answer.body.length - 1, total: answer.body.length };
    const range = ifRangeHolds(facts.ifRange, answer.etag, page.data.fields)
      ? requestedRange(facts.range!, held.total)
      : ({ kind: 'whole' } as const);
    if (range.kind === 'whole' && page.data.range === undefined) {
      response.writeHead(answer.status, marked(answer.fields, status));
      response.end(method === 'HEAD' ? undefined : answer.body);
      return true;
    }
    if (range.kind === 'unsatisfiable') {
      response.writeHead(416, ['content-range', `bytes */${held.total}`, 'content-length', '0', 'cache-status', status]);
      response.end();
      return true;
    }
    if (range.kind === 'whole' || range.first < held.first || range.first > held.last) return false;
    // A server may send less than was asked for (RFC 9110 §15.3.7): of a part that broke off, what there is.
    const last = Math.min(range.last, held.last);
    const body = answer.body.subarray(range.first - held.first, last - held.first + 1);
    const contentRange = formatContentRange(range.first, last, held.total);
    response.writeHead(206, partFields(marked(answer.fields, status), body.length, contentRange));
    response.end(method === 'HEAD' ? undefined : body);
    return true;
  }

  #statusOf({ freshUntilMs, nowMs, marking = HIT }: StoredReply): string {
    if (marking.kind === 'forwarded') return forwardStatus(this.#name, marking.forwarded);
    return hitStatus(this.#name, Math.ceil((freshUntilMs - nowMs) / 1000), marking.detail);
  }

  #mayHaveAsIs(page: StoredPage, acceptEncoding: string): boolean {
    const coding = fieldValue(page.data.fields, 'content-encoding');
    return coding === undefined || !KNOWN_CODINGS.has(coding.toLowerCase()) || accepts(acceptEncoding, coding.toLowerCase());
  }
}

/** Codings a client can be asked about; others are served as they came. */
const KNOWN_CODINGS = new Set(['gzip', 'x-gzip', 'br', 'zstd', 'deflate', 'compress']);

const NOTHING = Buffer.alloc(0);

/** A copy of ready fields with another `Cache-Status`, which is last. */
function marked(fields: readonly string[], status: string): string[] {
  const copy = fields.slice();
  copy[copy.length - 1] = status;
  return copy;
}

function partFields(fields: Fields, length: number, contentRange: string): string[] {
  const kept = withoutFields(fields, DESCRIBES_WHOLE);
  return [...kept, 'content-length', String(length), 'content-range', contentRange];
}

const DESCRIBES_WHOLE = new Set(['content-length', 'content-range']);
