/**
 * An origin that reads requests as strictly as the RFC allows and nothing more: whatever the gateway sends must leave no
 * room for a second reading.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A request as it arrived. */
export interface SeenRequest {
  readonly line: string;
  /** Sorted, without what differs from one request to the next. */
  readonly fields: readonly string[];
  readonly body: string;
}

const LINE = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+ [\x21-\x7e]+ HTTP\/1\.1$/;
const FIELD = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+): ?([\t\x20-\x7e\x80-\xff]*)$/;
/** Fields of one connection, which end at the gateway. */
const CONNECTION_FIELDS = new Set(['keep-alive', 'proxy-connection', 'te', 'upgrade', 'expect', 'proxy-authorization']);

export class FuzzOrigin {
  readonly seen: SeenRequest[] = [];
  /** What no gateway may ever send. */
  readonly violations: string[] = [];
  readonly #server: Server;

  constructor() {
    this.#server = createServer({ noDelay: true }, (socket) => new OriginConnection(this, socket));
  }

  async start(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.close();
  }

  /** Takes a whole head; says how its body is framed. */
  read(head: string): { readonly request: Omit<SeenRequest, 'body'>; readonly length: number; readonly chunked: boolean } {
    const [line, ...lines] = head.split('\r\n');
    if (!LINE.test(line!)) this.violations.push(`a request line: ${JSON.stringify(line)}`);
    const fields = lines.map(
      (text) => FIELD.exec(text) ?? (this.violations.push(`a field: ${JSON.stringify(text)}`), ['', '', '']),
    );
    const valuesOf = (name: string): string[] =>
      fields.filter((field) => field[1]!.toLowerCase() === name).map((field) => field[2]!);
    const [hosts, lengths, codings] = ['host', 'content-length', 'transfer-encoding'].map(valuesOf);
    if (hosts!.length !== 1) this.violations.push(`${hosts!.length} Host fields: ${head}`);
    if (lengths!.length + codings!.length > 1) this.violations.push(`two ways to end a body: ${head}`);
    if (lengths!.length === 1 && !/^\d+$/.test(lengths![0]!)) this.violations.push(`a length: ${lengths![0]}`);
    if (codings!.length === 1 && codings![0] !== 'chunked') this.violations.push(`a coding: ${codings![0]}`);
    if (!valuesOf('via').includes('1.1 spillway')) this.violations.push(`a request that did not come from the gateway: ${head}`);
    const upgrades = valuesOf('connection').some((value) => /\bupgrade\b/i.test(value));
    for (const [, name] of fields)
      if (CONNECTION_FIELDS.has(name!.toLowerCase()) && !(upgrades && /^upgrade$/i.test(name!)))
        this.violations.push(`a field of the client's connection: ${name}`);
    const kept = fields
      .map(([, name, value]) => `${name!.toLowerCase()}: ${value}`)
      .filter((text) => !/^(?:x-request-id|connection|content-length|transfer-encoding):/.test(text))
      .sort();
    return { request: { line: line!, fields: kept }, length: Number(lengths![0] ?? 0), chunked: codings!.length === 1 };
  }
}

class OriginConnection {
  readonly #origin: FuzzOrigin;
  readonly #socket: Socket;
  #bytes = '';

  constructor(origin: FuzzOrigin, socket: Socket) {
    this.#origin = origin;
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#bytes += chunk.toString('latin1');
      while (this.#takeOne());
    });
    socket.on('error', () => {});
  }

  #takeOne(): boolean {
    const end = this.#bytes.indexOf('\r\n\r\n');
    if (end === -1) return false;
    const rest = this.#bytes.slice(end + 4);
    const { length, chunked } = framingOf(this.#bytes.slice(0, end));
    const body = chunked
      ? this.#unchunk(rest)
      : rest.length >= length
        ? { text: rest.slice(0, length), bytes: length }
        : undefined;
    if (!body) return false;
    const { request } = this.#origin.read(this.#bytes.slice(0, end));
    this.#bytes = rest.slice(body.bytes);
    this.#origin.seen.push({ ...request, body: body.text });
    this.#answer(request.line, body.text);
    return true;
  }

  #unchunk(rest: string): { text: string; bytes: number } | undefined {
    let text = '';
    for (let at = 0; ;) {
      const lineEnd = rest.indexOf('\r\n', at);
      if (lineEnd === -1) return undefined;
      const size = rest.slice(at, lineEnd);
      if (!/^[0-9a-f]{1,8}$/i.test(size)) {
        this.#origin.violations.push(`a chunk size: ${JSON.stringify(size.slice(0, 50))}`);
        this.#socket.destroy();
        return undefined;
      }
      if (size === '0') return this.#afterLastChunk(rest, lineEnd + 2, text);
      const next = lineEnd + 2 + Number.parseInt(size, 16);
      if (rest.length < next + 2) return undefined;
      if (rest.slice(next, next + 2) !== '\r\n') this.#origin.violations.push('a chunk that does not end with its size');
      text += rest.slice(lineEnd + 2, next);
      at = next + 2;
    }
  }

  /** Trailers: fields, and none that belongs in front of a body. */
  #afterLastChunk(rest: string, at: number, text: string): { text: string; bytes: number } | undefined {
    if (rest.startsWith('\r\n', at)) return { text, bytes: at + 2 };
    const end = rest.indexOf('\r\n\r\n', at);
    if (end === -1) return undefined;
    for (const line of rest.slice(at, end).split('\r\n'))
      if (
        !FIELD.test(line) ||
        /^(?:content-(?:length|type|encoding|range):|transfer-|host:|via:|x-forwarded|authorization:)/i.test(line)
      )
        this.#origin.violations.push(`a trailer: ${JSON.stringify(line)}`);
    return { text: `${text}|${rest.slice(at, end)}`, bytes: end + 4 };
  }

  #answer(line: string, body: string): void {
    const [method, target] = line.split(' ');
    const text = `${method} ${target} ${createHash('md5').update(body).digest('hex')}`;
    const private_ = target!.startsWith('/private') ? 'cache-control: no-store\r\n' : '';
    const head = `HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n${private_}content-length: ${text.length}\r\n\r\n`;
    this.#socket.write(method === 'HEAD' ? head : head + text, 'latin1');
  }
}

function framingOf(head: string): { readonly length: number; readonly chunked: boolean } {
  return {
    length: Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0),
    chunked: /\r\ntransfer-encoding:/i.test(head),
  };
}
