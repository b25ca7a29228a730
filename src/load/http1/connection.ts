import { connect as connectTcp, isIP, type OnReadOpts, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { messageOf } from '../../kernel/index.ts';
import type { Exchange, Fault } from '../transport.ts';
import { ProtocolError, ResponseParser, type AnswerSink } from './response-parser.ts';

/** Where connections go: an address already resolved, and the name the server is known by. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
  readonly tls: boolean;
  readonly hostname: string;
  /** false accepts any certificate. */
  readonly verifyCertificate: boolean;
}

/** What to call the server in the TLS handshake: RFC 6066, 3 knows no addresses there. */
export function serverName({ hostname }: Endpoint): string {
  return isIP(hostname) === 0 ? hostname : '';
}

/** What a connection tells its pool. */
export interface ConnectionOwner {
  /** Monotonic ms. */
  now(): number;
  /** An answer came: the connection may take another request. Called before the exchange hears of its answer. */
  onIdle(connection: Connection, nowMs: number): void;
  /** The exchange has heard: whoever waits for a connection may have this one. */
  onSettled(): void;
  /** The connection is gone; `pending` had no whole answer. `touched`: part of an answer had come. */
  onGone(connection: Connection, pending: Exchange[], fault: Fault, detail: string, touched: boolean): void;
}

/**
 * What every read goes into, whatever the connection: its bytes are taken out before the next read begins, and one buffer
 * stays in the processor's cache where one for each connection would not.
 */
const READ_BUFFER = Buffer.allocUnsafeSlow(65_536);
/** Most of a body that is kept for a scenario to look at. */
const MAX_KEPT_BYTES = 16 * 1024 * 1024;

const EMPTY = Buffer.alloc(0);

/** One HTTP/1.1 connection. Requests in flight wait in order; there is one unless pipelining is asked for. */
export class Connection implements AnswerSink {
  readonly #owner: ConnectionOwner;
  readonly #socket: Socket;
  readonly #parser: ResponseParser;
  /** Whose answer comes next. */
  #current: Exchange | undefined;
  /** What was sent after it: only with pipelining. */
  #behind: Exchange[] = [];
  readonly #openedMs: number;
  readonly #onOutcome: ((stands: boolean) => void) | undefined;
  #connected = false;
  #gone = false;
  /** How many answers have come over this connection. */
  answers = 0;
  // The answer under way.
  #status = 0;
  #head = '';
  #bodyBytes = 0;
  #chunks: Buffer[] = [];

  /** @param onOutcome called once: with true when the connection stands, with false when it never will. */
  constructor(endpoint: Endpoint, owner: ConnectionOwner, onOutcome?: (stands: boolean) => void) {
    this.#owner = owner;
    this.#openedMs = owner.now();
    this.#onOutcome = onOutcome;
    const opened = (): void => {
      this.#connected = true;
      onOutcome?.(true);
    };
    this.#parser = new ResponseParser(this, READ_BUFFER);
    this.#socket = endpoint.tls ? this.#openTls(endpoint, opened) : this.#openTcp(endpoint, opened);
    this.#socket.setNoDelay(true);
    this.#socket.on('error', (error: NodeJS.ErrnoException) =>
      this.#lost(this.#connected ? 'reset' : 'connect', messageOf(error)),
    );
    this.#socket.on('end', () => this.#ended());
    this.#socket.on('close', () => this.#lost(this.#connected ? 'closed' : 'connect', 'the connection was closed'));
  }

  get inFlight(): number {
    return this.#current ? 1 + this.#behind.length : 0;
  }

  get gone(): boolean {
    return this.#gone;
  }

  /** Since when it waits for the peer, monotonic ms: to connect, or for its oldest request's answer. Infinity: it does not. */
  get waitingSinceMs(): number {
    if (this.#current) return this.#current.writtenMs;
    return this.#connected ? Infinity : this.#openedMs;
  }

  get bytesRead(): number {
    return this.#socket.bytesRead;
  }

  send(exchange: Exchange, nowMs: number): void {
    if (this.#current) this.#behind.push(exchange);
    else this.#current = exchange;
    exchange.writtenMs = nowMs;
    this.#socket.write(exchange.request.http1);
  }

  /** Ends the connection; what waits fails with `fault`. */
  close(fault: Fault, detail: string): void {
    this.#lost(fault, detail);
  }

  onHead(status: number, bytes: Buffer, start: number, end: number): void {
    const exchange = this.#current;
    if (!exchange) throw new ProtocolError('an answer nobody asked for');
    this.#status = status;
    this.#bodyBytes = 0;
    this.#head = exchange.keep ? bytes.toString('latin1', start, end) : '';
  }

  onBody(bytes: Buffer, start: number, end: number): void {
    this.#bodyBytes += end - start;
    if (this.#current!.keep && this.#bodyBytes <= MAX_KEPT_BYTES) this.#chunks.push(Buffer.from(bytes.subarray(start, end)));
  }

  onComplete(reusable: boolean, more: boolean): void {
    if (more && this.#behind.length === 0) throw new ProtocolError('bytes nobody asked for come after an answer');
    const exchange = this.#current!;
    this.#current = this.#behind.length > 0 ? this.#behind.shift() : undefined;
    this.answers++;
    const answer = { status: this.#status, head: this.#head, body: this.#takeBody(), bodyBytes: this.#bodyBytes };
    const nowMs = this.#owner.now();
    // Free first, so that what the answer sets off finds this connection at the top of the stack.
    if (reusable) this.#owner.onIdle(this, nowMs);
    else this.#lost('closed', 'the server ended the connection after its answer');
    exchange.answered(answer, nowMs);
    this.#owner.onSettled();
  }

  expectsNoBody(): boolean {
    return this.#current?.request.method === 'HEAD';
  }

  #takeBody(): Buffer {
    if (this.#chunks.length === 0) return EMPTY;
    const body = Buffer.concat(this.#chunks);
    this.#chunks = [];
    return body;
  }

  #openTcp(endpoint: Endpoint, opened: () => void): Socket {
    const onread: OnReadOpts = {
      buffer: READ_BUFFER,
      callback: (length) => {
        this.#received(READ_BUFFER, length);
        return true;
      },
    };
    return connectTcp({ host: endpoint.address, port: endpoint.port, onread }, opened);
  }

  #openTls(endpoint: Endpoint, opened: () => void): Socket {
    const socket = connectTls(
      {
        host: endpoint.address,
        port: endpoint.port,
        servername: serverName(endpoint),
        rejectUnauthorized: endpoint.verifyCertificate,
        ALPNProtocols: ['http/1.1'],
      },
      opened,
    );
    socket.on('data', (chunk: Buffer) => this.#received(chunk, chunk.length));
    return socket;
  }

  #received(bytes: Buffer, length: number): void {
    if (this.#gone) return;
    try {
      if (!this.#current) throw new ProtocolError('bytes nobody asked for');
      this.#parser.push(bytes, length);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#lost('protocol', error.message);
    }
  }

  #ended(): void {
    if (this.#gone) return;
    this.#parser.finish();
    this.#lost(this.#connected ? 'closed' : 'connect', 'the server closed the connection');
  }

  #lost(fault: Fault, detail: string): void {
    if (this.#gone) return;
    this.#gone = true;
    const pending = this.#current ? [this.#current, ...this.#behind] : [];
    const touched = this.#parser.midway;
    this.#current = undefined;
    this.#behind = [];
    this.#socket.destroy();
    this.#owner.onGone(this, pending, fault, detail, touched);
    if (!this.#connected) this.#onOutcome?.(false);
  }
}
