import type { Dispatcher } from 'undici';
import type { Endpoint, Outcome } from '../balance/index.ts';
import { messageOf, SpillwayError, type Clock } from '../kernel/index.ts';
import type { UpstreamExchange, UpstreamReceiver, UpstreamRequest } from '../ports/index.ts';
import { Deadline, type Deadlines } from './deadlines.ts';
import { requestFields, responseFields } from './forwarding.ts';
import type { UpstreamPools } from './upstream-pools.ts';

/** Methods that may be repeated when it is not known whether the first attempt was carried out (RFC 9110 §9.2.2). */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);
/** Answers that say the endpoint could not do its work, rather than what the work's outcome is. */
const RETRYABLE_STATUS = new Set([502, 503, 504]);

/** One request on its way to an upstream, over as many attempts as it takes. */
export class ForwardedRequest extends Deadline implements UpstreamExchange {
  readonly request: UpstreamRequest;
  readonly receiver: UpstreamReceiver;
  readonly #pools: UpstreamPools;
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  readonly #maxBodyBytes: number;
  readonly #fields: string[];
  #attempt: Attempt | undefined;
  #tried: Endpoint[] | undefined;
  #bodyBytes = 0;
  #headSeen = false;
  #done = false;

  constructor(
    request: UpstreamRequest,
    receiver: UpstreamReceiver,
    pools: UpstreamPools,
    context: { readonly clock: Clock; readonly deadlines: Deadlines; readonly maxBodyBytes: number },
  ) {
    super();
    this.request = request;
    this.receiver = receiver;
    this.#pools = pools;
    this.#clock = context.clock;
    this.#deadlines = context.deadlines;
    this.#maxBodyBytes = context.maxBodyBytes;
    this.#fields = requestFields(request);
    this.deadlineMs = this.#clock.monotonic() + request.timeoutMs;
  }

  start(): void {
    this.#deadlines.add(this);
    this.#pools.budget.onRequest();
    this.#try();
  }

  resume(): void {
    this.#attempt?.resume();
  }

  abort(reason: Error): void {
    if (this.#done) return;
    this.#finish('cancelled');
    this.#attempt?.abandon();
    this.receiver.onError(reason);
  }

  override onDeadline(): void {
    if (this.#done) return;
    this.#finish('failure');
    this.#attempt?.abandon();
    const { target, timeoutMs } = this.request;
    this.receiver.onError(
      new SpillwayError('SPILLWAY_UPSTREAM_TIMEOUT', `no answer to ${this.request.method} ${target} within ${timeoutMs} ms`),
    );
  }

  #try(): void {
    const { balancer } = this.#pools;
    const endpoint = balancer.pick({ hashKey: this.request.hashKey ?? this.request.clientIp, tried: this.#tried });
    if (!endpoint) {
      this.#fail(new SpillwayError('SPILLWAY_UPSTREAM_UNAVAILABLE', `upstream '${balancer.name}' has no endpoint left to try`));
      return;
    }
    const attempt = new Attempt(this, endpoint, this.#clock.monotonic());
    this.#attempt = attempt;
    const { method, target, body } = this.request;
    this.#pools.poolOf(endpoint).dispatch({ method, path: target, headers: this.#fields, body: body ?? null }, attempt);
  }

  /** The attempt failed before an answer began: try again where that is safe, or tell the receiver. */
  attemptFailed(attempt: Attempt, error: Error): void {
    if (this.#done) return;
    if (this.#headSeen) {
      this.#finish('failure');
      this.receiver.onError(upstreamError(attempt, error));
      return;
    }
    if (this.#mayRetry(attempt)) this.#retry(attempt);
    else this.#fail(upstreamError(attempt, error));
  }

  attemptAnswered(attempt: Attempt, status: number, headers: Readonly<Record<string, string | string[] | undefined>>): void {
    if (this.#done) return;
    if (status < 200) {
      this.receiver.onInformation?.(status, responseFields(headers));
      return;
    }
    if (RETRYABLE_STATUS.has(status) && this.#pools.balancer.endpoints.length > 1 && this.#mayRetry(attempt)) {
      attempt.abandon();
      this.#answered(attempt, 'failure', retryAfterOf(headers));
      this.#retry(attempt);
      return;
    }
    this.#headSeen = true;
    this.#deadlines.remove(this);
    this.#answered(attempt, status < 500 || status === 501 ? 'success' : 'failure', retryAfterOf(headers));
    this.receiver.onHead(status, responseFields(headers));
  }

  attemptEnded(trailers: string[]): void {
    if (this.#done) return;
    this.#finish('success');
    this.receiver.onEnd(trailers);
  }

  bodySent(bytes: number): void {
    this.#bodyBytes += bytes;
    if (this.#bodyBytes <= this.#maxBodyBytes) return;
    this.abort(new SpillwayError('SPILLWAY_REQUEST_TOO_LARGE', `the request body exceeds ${this.#maxBodyBytes} bytes`));
  }

  /** An attempt that sent nothing may always be repeated; another only when neither method nor body stands against it. */
  #mayRetry(attempt: Attempt): boolean {
    if ((this.#tried?.length ?? 0) >= this.#pools.settings.retries.attempts) return false;
    const { method, body } = this.request;
    const repeatable = IDEMPOTENT.has(method) && (body === undefined || body instanceof Uint8Array);
    return (!attempt.sent || repeatable) && this.#pools.budget.take();
  }

  #retry(attempt: Attempt): void {
    this.#end(attempt, attempt.answered ? 'success' : 'failure');
    (this.#tried ??= []).push(attempt.endpoint);
    this.#try();
  }

  #fail(error: Error): void {
    this.#finish('failure');
    this.receiver.onError(error);
  }

  #finish(outcome: Outcome): void {
    this.#done = true;
    this.#deadlines.remove(this);
    if (this.#attempt) this.#end(this.#attempt, outcome);
  }

  /** The attempt is over. `failure` after an answer began: it was cut off. */
  #end(attempt: Attempt, outcome: Outcome): void {
    const broken = attempt.answered && outcome === 'failure';
    this.#answered(attempt, outcome, 0);
    if (attempt.ended) return;
    attempt.ended = true;
    this.#pools.balancer.done(attempt.endpoint, broken);
  }

  #answered(attempt: Attempt, outcome: Outcome, retryAfterMs: number): void {
    if (attempt.answered) return;
    attempt.answered = true;
    this.#pools.balancer.answered(attempt.endpoint, outcome, this.#clock.monotonic() - attempt.startedMs, retryAfterMs);
  }
}

/** One try of a request at one endpoint, as undici's handler. After {@link abandon} it is deaf. */
class Attempt implements Dispatcher.DispatchHandler {
  readonly #owner: ForwardedRequest;
  readonly endpoint: Endpoint;
  readonly startedMs: number;
  /** Whether any of the request was written to a connection. */
  sent = false;
  /** Whether the balancer knows how it was answered, and that it is over. */
  answered = false;
  ended = false;
  #abandoned = false;
  #controller: Dispatcher.DispatchController | undefined;

  constructor(owner: ForwardedRequest, endpoint: Endpoint, startedMs: number) {
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

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (this.#abandoned) return;
    this.#owner.attemptAnswered(this, status, headers);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#abandoned && this.#owner.receiver.onData(chunk) === false) controller.pause();
  }

  onResponseEnd(_controller: Dispatcher.DispatchController, trailers: Record<string, string | string[] | undefined>): void {
    if (!this.#abandoned) this.#owner.attemptEnded(responseFields(trailers));
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (!this.#abandoned) this.#owner.attemptFailed(this, error);
  }

  onBodySent(chunk: Buffer): void {
    if (!this.#abandoned) this.#owner.bodySent(chunk.byteLength);
  }
}

/** Retry-After in ms; 0 without one. A date is not worth a parse: the longest penalty is minutes. */
function retryAfterOf(headers: Readonly<Record<string, string | string[] | undefined>>): number {
  const seconds = Number(headers['retry-after']);
  return seconds > 0 ? seconds * 1000 : 0;
}

const ABANDONED = new Error('the attempt was given up');

function upstreamError(attempt: Attempt, error: Error): SpillwayError {
  const cause = { cause: error };
  const { url } = attempt.endpoint;
  if ((error as { code?: string }).code === 'UND_ERR_BODY_TIMEOUT')
    return new SpillwayError('SPILLWAY_UPSTREAM_TIMEOUT', `${url} paused too long within its answer`, cause);
  if (!attempt.sent) return new SpillwayError('SPILLWAY_UPSTREAM_UNAVAILABLE', `${url}: ${messageOf(error)}`, cause);
  return new SpillwayError('SPILLWAY_UPSTREAM_BROKEN', `${url}: ${messageOf(error)}`, cause);
}
