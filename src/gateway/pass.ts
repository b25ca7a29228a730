import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Http2ServerResponse } from 'node:http2';
import type { Transform } from 'node:stream';
import { SpillwayError } from '../kernel/index.ts';
import type { Exchange, UpstreamExchange, UpstreamReceiver, UpstreamRequest } from '../ports/index.ts';
import type { AnswerWriter } from './answer-writer.ts';
import { CODINGS, type Compression } from './compression.ts';
import { chooseCoding, compressorFor, isCompressible } from './content-coding.ts';
import { problemOf, retryFields, sendProblem } from './problems.ts';

/** What an exchange asks of its upstream. */
export function upstreamRequestOf(exchange: Exchange): UpstreamRequest {
  const { request, route, method, scheme, authority, path, query, clientIp } = exchange;
  return {
    upstream: route.upstream,
    method,
    scheme,
    authority,
    target: query === '' ? path : `${path}?${query}`,
    headers: headersOf(request, exchange.requestId),
    body: hasBody(request) ? request : undefined,
    timeoutMs: route.timeoutMs,
    clientIp,
  };
}

/** The fields of a request, names in lower case, with the id the gateway decided on. */
export function headersOf({ rawHeaders }: IncomingMessage, requestId: string): string[] {
  const headers: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    // HTTP/2 names method and target in fields of its own, which begin with a colon.
    if (name !== 'x-request-id' && name.charCodeAt(0) !== 0x3a) headers.push(name, rawHeaders[i + 1]!);
  }
  headers.push('x-request-id', requestId);
  return headers;
}

function hasBody({ rawHeaders, httpVersionMajor, complete, method }: IncomingMessage): boolean {
  // HTTP/2 marks the end of a request instead of announcing a body.
  if (httpVersionMajor === 2) return !complete && method !== 'GET' && method !== 'HEAD';

  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (name.length === 14 && name.toLowerCase() === 'content-length') return rawHeaders[i + 1] !== '0';
    if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') return true;
  }
  return false;
}

/** An exchange, as far as passing an answer on needs it. */
export interface PassedExchange {
  readonly method: string;
  readonly requestId: string;
  readonly request: { readonly headers: Readonly<Record<string, string | string[] | undefined>> };
  readonly response: AnswerWriter;
}

/** Up to this size a whole body is written together with its head in one piece, and can be given an entity tag. */
const ONE_PIECE_BYTES = 16 * 1024;

/** Writes an upstream's answer to the client as it comes, at the pace the client takes it. */
export class PassReceiver implements UpstreamReceiver {
  readonly #exchange: PassedExchange;
  readonly #compression: Compression;
  readonly #etags: boolean;
  readonly #ownFields: readonly string[];
  #upstream: UpstreamExchange | undefined;
  #extraFields: (() => readonly string[]) | undefined;
  /** Bytes still to come by Content-Length: the last piece is sent together with the end. */
  #bytesLeft = Infinity;
  #compressor: Transform | undefined;
  /** Set while a small answer is gathered to be tagged. */
  #gathered: Gathered | undefined;
  #ended = false;
  /** The client takes no more at the moment. */
  #held = false;
  readonly #onDrain = (): void => {
    this.#held = false;
    this.#upstream?.resume();
  };

  /**
   * @param etags whether small answers without an entity tag get one.
   * @param ownFields what an answer carries that is ours and not the upstream's.
   */
  constructor(exchange: PassedExchange, compression: Compression, etags: boolean, ownFields: readonly string[]) {
    this.#exchange = exchange;
    this.#compression = compression;
    this.#etags = etags;
    this.#ownFields = ownFields;
  }

  /**
   * From now on a client that goes away ends the request to the upstream, and one that takes more resumes it.
   *
   * @param extraFields asked for when the answer begins: fields to send with it.
   */
  attach(upstream: UpstreamExchange, extraFields?: () => readonly string[]): void {
    this.#upstream = upstream;
    this.#extraFields = extraFields;
    const { response } = this.#exchange;
    response.on('close', () => {
      this.#endCompression();
      if (!response.writableFinished) upstream.abort(new SpillwayError('SPILLWAY_REQUEST_ABORTED', 'the client went away'));
    });
  }

  onInformation(status: number, headers: readonly string[]): void {
    const { response } = this.#exchange;
    // Of an answer that waits for its turn, Node would put the head in front of the hints.
    if (status !== 103 || response.headersSent || response.socket === null) return;
    const links = headers.filter((_, i) => i % 2 === 1 && headers[i - 1] === 'link');
    if (links.length > 0) response.writeEarlyHints({ link: links });
  }

  onHead(status: number, headers: readonly string[]): void {
    const facts = factsOf(headers);
    const fields = this.#extraFields ? [...headers, ...this.#extraFields()] : (headers as string[]);
    const { response, method } = this.#exchange;
    this.#bytesLeft = facts.length ?? Infinity;
    if (method === 'GET' && status === 200) {
      if (this.#compresses(facts)) return this.#startCompression(status, fields);
      if (this.#etags && facts.etag === undefined && (facts.length ?? Infinity) <= ONE_PIECE_BYTES) {
        this.#gathered = { status, fields, pieces: [] };
        return;
      }
    }
    response.writeHead(status, fields);
  }

  onData(chunk: Buffer): boolean {
    const { response } = this.#exchange;
    if (this.#gathered) return this.#gathered.pieces.push(chunk) > 0;
    if (this.#compressor) return this.#write(this.#compressor, chunk);
    this.#bytesLeft -= chunk.byteLength;
    if (this.#bytesLeft > 0) return this.#write(response, chunk);
    this.#ended = true;
    // Node joins a head with text, and not with bytes: one write instead of two.
    if (response.headersSent || chunk.byteLength > ONE_PIECE_BYTES) response.end(chunk);
    else response.end(chunk.toString('latin1'), 'latin1');
    return true;
  }

  /**
   * What is gathered, compressed or waiting for its turn on the connection is kept for longer than it could be lent. And
   * Node does not always say what became of bytes for an HTTP/2 stream, nor for a connection that is gone.
   */
  get borrows(): boolean {
    const { response } = this.#exchange;
    if (this.#gathered || this.#compressor || response instanceof Http2ServerResponse) return false;
    return response.socket?.writable === true;
  }

  onLent(bytes: Buffer, giveBack: () => void): boolean {
    const { response } = this.#exchange;
    response.write(bytes, giveBack);
    this.#bytesLeft -= bytes.byteLength;
    if (this.#bytesLeft <= 0) {
      this.#ended = true;
      response.end();
    }
    return response.writableLength === 0;
  }

  onEnd(trailers: readonly string[]): void {
    if (this.#ended) return;
    if (this.#gathered) return this.#sendGathered(this.#gathered);
    if (this.#compressor) return void this.#compressor.end();
    const { response } = this.#exchange;
    for (let i = 0; i < trailers.length; i += 2) response.addTrailers({ [trailers[i]!]: trailers[i + 1]! });
    response.end();
  }

  onError(error: Error): void {
    const { response, requestId } = this.#exchange;
    if (this.#ended || response.destroyed) return;
    this.#compressor?.destroy();
    sendProblem(response, problemOf(error, requestId), [...retryFields(error), ...this.#ownFields]);
  }

  #write(to: AnswerWriter | Transform, chunk: Buffer): boolean {
    // What is larger than a stream's mark is always answered "wait", also when the kernel has taken all of it.
    if (to.write(chunk) || to.writableLength === 0) return true;
    if (!this.#held) to.once('drain', this.#onDrain);
    this.#held = true;
    return false;
  }

  #compresses(facts: AnswerFacts): boolean {
    if (facts.encoded || facts.noTransform || !isCompressible(facts.type)) return false;
    return (facts.length ?? Infinity) >= this.#compression.minBytes;
  }

  /** The client may not want it: then the answer goes as it is, but says that it varies. */
  #startCompression(status: number, headers: readonly string[]): void {
    const { response, request } = this.#exchange;
    const coding = chooseCoding(single(request.headers['accept-encoding']), CODINGS);
    const fields = withVary(headers);
    if (coding === undefined || !this.#compression.begin()) {
      response.writeHead(status, fields);
      return;
    }
    response.writeHead(status, [...encodedFields(fields), 'content-encoding', coding]);
    const compressor = (this.#compressor = compressorFor(coding));
    compressor.on('error', () => response.destroy());
    compressor.on('data', (chunk: Buffer) => {
      if (response.write(chunk)) return;
      compressor.pause();
      response.once('drain', () => compressor.resume());
    });
    compressor.on('end', () => response.end());
  }

  #endCompression(): void {
    if (!this.#compressor) return;
    this.#compressor.destroy();
    this.#compression.end();
  }

  #sendGathered({ status, fields, pieces }: Gathered): void {
    this.#ended = true;
    const { response, request } = this.#exchange;
    const body = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
    const etag = `"${createHash('sha1').update(body).digest('base64url')}"`;
    if (matchesEtag(single(request.headers['if-none-match']), etag)) {
      response.writeHead(304, [...without(fields, BODY_FIELDS), 'etag', etag]);
      response.end();
      return;
    }
    response.writeHead(status, [...fields, 'etag', etag]);
    response.end(body);
  }
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value;
}

interface Gathered {
  readonly status: number;
  readonly fields: string[];
  readonly pieces: Buffer[];
}

interface AnswerFacts {
  length: number | undefined;
  type: string | undefined;
  etag: string | undefined;
  encoded: boolean;
  noTransform: boolean;
}

function factsOf(headers: readonly string[]): AnswerFacts {
  const facts: AnswerFacts = { length: undefined, type: undefined, etag: undefined, encoded: false, noTransform: false };
  for (let i = 0; i < headers.length; i += 2) {
    const value = headers[i + 1]!;
    switch (headers[i]) {
      case 'content-length':
        facts.length = Number(value);
        break;
      case 'content-type':
        facts.type = value;
        break;
      case 'etag':
        facts.etag = value;
        break;
      case 'content-encoding':
        facts.encoded = true;
        break;
      case 'cache-control':
        facts.noTransform = /\bno-transform\b/i.test(value);
    }
  }
  return facts;
}

const BODY_FIELDS = new Set(['content-length', 'content-type', 'content-encoding']);
const LENGTH_FIELDS = new Set(['content-length', 'accept-ranges']);
const VARY = new Set(['vary']);

/** Other bytes than the upstream's: no length yet, no ranges of them, and a tag that claims only the same meaning. */
function encodedFields(fields: readonly string[]): string[] {
  return without(fields, LENGTH_FIELDS).map((value, at, all) =>
    at % 2 === 1 && all[at - 1] === 'etag' && !value.startsWith('W/') ? `W/${value}` : value,
  );
}

function withVary(fields: readonly string[]): string[] {
  const before = fields.filter((_, at) => at % 2 === 1 && fields[at - 1] === 'vary').join(', ');
  if (/(?:^|[\s,])(?:accept-encoding|\*)(?:$|[\s,])/i.test(before)) return fields as string[];
  return [...without(fields, VARY), 'vary', before === '' ? 'accept-encoding' : `${before}, accept-encoding`];
}

function without(fields: readonly string[], names: ReadonlySet<string>): string[] {
  const kept: string[] = [];
  for (let i = 0; i < fields.length; i += 2) if (!names.has(fields[i]!)) kept.push(fields[i]!, fields[i + 1]!);
  return kept;
}

/** If-None-Match compares weakly (RFC 9110 §13.1.2). */
function matchesEtag(field: string | undefined, etag: string): boolean {
  if (field === undefined) return false;
  if (field.trim() === '*') return true;
  return field.split(',').some((one) => one.trim().replace(/^W\//, '') === etag);
}
