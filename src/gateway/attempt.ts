import type { Dispatcher } from 'undici';
import type { Endpoint } from '../balance/index.ts';
import { messageOf, SpillwayError } from '../kernel/index.ts';

type Fields = Readonly<Record<string, string | string[] | undefined>>;

/** Whom an attempt tells what becomes of it. */
export interface AttemptOwner {
  attemptAnswered(attempt: Attempt, status: number, headers: Fields): void;
  /** False asks for a pause. */
  attemptData(chunk: Buffer): boolean | void;
  attemptEnded(attempt: Attempt, trailers: Fields): void;
  attemptFailed(attempt: Attempt, error: SpillwayError): void;
  bodySent(bytes: number): void;
}

const ABANDONED = new Error('the attempt was given up');

/** One try of a request at one endpoint, as undici's handler. After {@link abandon} it is deaf. */
export class Attempt implements Dispatcher.DispatchHandler {
  readonly endpoint: Endpoint;
  /** Monotonic ms. */
  readonly startedMs: number;
  /** Whether any of the request was written to a connection. */
  sent = false;
  /** Whether the balancer knows how it was answered, and that it is over. */
  answered = false;
  ended = false;
  readonly #owner: AttemptOwner;
  #abandoned = false;
  #controller: Dispatcher.DispatchController | undefined;

  constructor(owner: AttemptOwner, endpoint: Endpoint, startedMs: number) {
    this.#owner = owner;
    this.endpoint = endpoint;
    this.startedMs = startedMs;
  }

  resume(): void {
    this.#controller?.resume();
  }

  abandon(): void {
    this.#abandoned = true;
    this.#controller?.abort(ABANDONED);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#abandoned) {
      controller.abort(ABANDONED);
      return;
    }
    this.#controller = controller;
    this.sent = true;
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: Fields): void {
    if (!this.#abandoned) this.#owner.attemptAnswered(this, status, headers);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#abandoned && this.#owner.attemptData(chunk) === false) controller.pause();
  }

  onResponseEnd(_controller: Dispatcher.DispatchController, trailers: Fields): void {
    if (!this.#abandoned) this.#owner.attemptEnded(this, trailers);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (!this.#abandoned) this.#owner.attemptFailed(this, this.#fault(error));
  }

  onBodySent(chunk: Buffer): void {
    if (!this.#abandoned) this.#owner.bodySent(chunk.byteLength);
  }

  #fault(error: Error): SpillwayError {
    const { url } = this.endpoint;
    const cause = { cause: error };
    if ((error as { code?: string }).code === 'UND_ERR_BODY_TIMEOUT')
      return new SpillwayError('SPILLWAY_UPSTREAM_TIMEOUT', `${url} paused too long within its answer`, cause);
    const code = this.sent ? 'SPILLWAY_UPSTREAM_BROKEN' : 'SPILLWAY_UPSTREAM_UNAVAILABLE';
    return new SpillwayError(code, `${url}: ${messageOf(error)}`, cause);
  }
}
