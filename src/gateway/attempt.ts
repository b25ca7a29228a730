import type { Endpoint } from '../balance/index.ts';
import { SpillwayError } from '../kernel/index.ts';
import type { OutboundRequest } from './outbound-request.ts';
import type { Carried, Fault, UpstreamConnection } from './upstream-connection.ts';

/** Whom an attempt tells what becomes of it. Fields are names in lower case and values, in turn. */
export interface AttemptOwner {
  attemptAnswered(attempt: Attempt, status: number, fields: string[]): void;
  /** False asks for a pause. */
  attemptData(chunk: Buffer): boolean | void;
  readonly borrows: boolean;
  attemptLent(bytes: Buffer, giveBack: () => void): boolean;
  attemptEnded(attempt: Attempt, trailers: string[]): void;
  attemptFailed(attempt: Attempt, error: SpillwayError): void;
  bodySent(bytes: number): void;
}

/** One try of a request at one endpoint. After {@link abandon} it is deaf. */
export class Attempt implements Carried {
  readonly request: OutboundRequest;
  readonly endpoint: Endpoint;
  /** Monotonic ms. */
  readonly startedMs: number;
  /** Whether any of the request was written to a connection. */
  sent = false;
  /** Whether the balancer knows how it was answered, and that it is over. */
  answered = false;
  ended = false;
  abandoned = false;
  readonly #owner: AttemptOwner;
  #connection: UpstreamConnection | undefined;

  constructor(owner: AttemptOwner, request: OutboundRequest, endpoint: Endpoint, startedMs: number) {
    this.#owner = owner;
    this.request = request;
    this.endpoint = endpoint;
    this.startedMs = startedMs;
  }

  resume(): void {
    this.#connection?.resume();
  }

  abandon(): void {
    this.abandoned = true;
    this.#connection?.destroy();
    this.#connection = undefined;
  }

  onSending(connection: UpstreamConnection): void {
    this.#connection = connection;
    this.sent = true;
  }

  onInformation(status: number, fields: string[]): void {
    this.#owner.attemptAnswered(this, status, fields);
  }

  onHead(status: number, fields: string[]): void {
    this.#owner.attemptAnswered(this, status, fields);
  }

  onData(chunk: Buffer): boolean | void {
    return this.#owner.attemptData(chunk);
  }

  get borrows(): boolean {
    return this.#owner.borrows;
  }

  onLent(bytes: Buffer, giveBack: () => void): boolean {
    return this.#owner.attemptLent(bytes, giveBack);
  }

  onEnd(trailers: string[]): void {
    this.#connection = undefined;
    this.#owner.attemptEnded(this, trailers);
  }

  onFault(fault: Fault, reason: string): void {
    this.#connection = undefined;
    if (!this.abandoned) this.#owner.attemptFailed(this, this.#errorOf(fault, reason));
  }

  onBodySent(bytes: number): void {
    this.#owner.bodySent(bytes);
  }

  #errorOf(fault: Fault, reason: string): SpillwayError {
    const text = `${this.endpoint.url}: ${reason}`;
    if (fault === 'paused') return new SpillwayError('SPILLWAY_UPSTREAM_TIMEOUT', text);
    return new SpillwayError(this.sent ? 'SPILLWAY_UPSTREAM_BROKEN' : 'SPILLWAY_UPSTREAM_UNAVAILABLE', text);
  }
}
