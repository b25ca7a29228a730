import type { Endpoint, Outcome } from '../balance/index.ts';
import { SpillwayError, type Clock } from '../kernel/index.ts';
import type { UpstreamExchange, UpstreamReceiver, UpstreamRequest } from '../ports/index.ts';
import { Attempt, type AttemptOwner } from './attempt.ts';
import { Deadline, type Deadlines } from './deadlines.ts';
import { responseFields } from './forwarding.ts';
import type { SecurityHeaders } from './security-headers.ts';
import type { OutboundRequest } from './outbound-request.ts';
import type { UpstreamPools } from './upstream-pools.ts';

/** Answers that say the endpoint could not do its work, rather than what the work's outcome is. */
const RETRYABLE_STATUS = new Set([502, 503, 504]);

/** What all requests of one proxy have in common. */
export interface ForwardingContext {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly maxBodyBytes: number;
  readonly securityHeaders: SecurityHeaders | undefined;
}

/** What is asked of an upstream, apart from the bytes that are sent. */
export type ForwardableRequest = Pick<UpstreamRequest, 'method' | 'scheme' | 'target' | 'timeoutMs' | 'clientIp' | 'hashKey'>;

/** What decides about the endpoint beside the request itself. */
export interface Preference {
  readonly tier?: string | undefined;
  readonly stickTo?: string | undefined;
}

/**
 * One request on its way to an upstream, over as many attempts as it takes. At most two run at a time: the second, a hedge,
 * is made when the first has said nothing for a while, and the first of them to answer is taken.
 */
export class ForwardedRequest extends Deadline implements UpstreamExchange, AttemptOwner {
  readonly #request: ForwardableRequest;
  readonly #receiver: UpstreamReceiver;
  readonly #pools: UpstreamPools;
  readonly #context: ForwardingContext;
  readonly #preference: Preference;
  readonly #outbound: OutboundRequest;
  readonly #lastMs: number;
  #attempt: Attempt | undefined;
  #hedge: Attempt | undefined;
  #tried: Endpoint[] | undefined;
  #bodyBytes = 0;
  #headSeen = false;
  #done = false;

  constructor(
    request: ForwardableRequest,
    outbound: OutboundRequest,
    receiver: UpstreamReceiver,
    pools: UpstreamPools,
    context: ForwardingContext,
    preference: Preference,
  ) {
    super();
    this.#request = request;
    this.#receiver = receiver;
    this.#pools = pools;
    this.#context = context;
    this.#preference = preference;
    this.#outbound = outbound;
    this.#lastMs = context.clock.monotonic() + request.timeoutMs;
  }

  /** Where the answer comes from, once it has begun. */
  get endpoint(): Endpoint | undefined {
    return this.#attempt?.endpoint;
  }

  start(): void {
    this.#context.deadlines.add(this);
    this.#pools.budget.onRequest();
    this.#try();
  }

  resume(): void {
    this.#attempt?.resume();
  }

  abort(reason: Error): void {
    if (this.#done) return;
    this.#finish('cancelled');
    this.#receiver.onError(reason);
  }

  /** Too long without a head: of the whole request, of this attempt, or for the hedge to be made. */
  override onDeadline(): void {
    if (this.#done || this.#headSeen) return;
    const nowMs = this.#context.clock.monotonic();
    const { attemptTimeoutMs } = this.#pools.settings;
    if (nowMs >= this.#lastMs) return this.#timeOut();
    if (attemptTimeoutMs !== undefined && nowMs - this.#attempt!.startedMs >= attemptTimeoutMs && !this.#hedge)
      return this.#replaceAttempt();
    this.#makeHedge();
  }

  attemptAnswered(attempt: Attempt, status: number, fields: string[]): void {
    if (this.#done) return;
    if (status < 200) {
      this.#receiver.onInformation?.(status, responseFields(fields));
      return;
    }
    this.#learn(attempt, status < 500 || status === 501 ? 'success' : 'failure', retryAfterOf(fields));
    // The same endpoint would say the same.
    if (RETRYABLE_STATUS.has(status) && this.#pools.balancer.endpoints.length > 1 && this.#goOnWithout(attempt)) return;
    this.#keepOnly(attempt);
    this.#headSeen = true;
    this.#context.deadlines.remove(this);
    const passed = responseFields(fields);
    this.#receiver.onHead(status, this.#context.securityHeaders?.addTo(passed, this.#request.scheme) ?? passed);
  }

  attemptData(chunk: Buffer): boolean | void {
    return this.#receiver.onData(chunk);
  }

  get borrows(): boolean {
    return this.#receiver.borrows === true;
  }

  attemptLent(bytes: Buffer, giveBack: () => void): boolean {
    return this.#receiver.onLent!(bytes, giveBack);
  }

  attemptEnded(_attempt: Attempt, trailers: string[]): void {
    if (this.#done) return;
    this.#finish('success');
    this.#receiver.onEnd(trailers.length === 0 ? trailers : responseFields(trailers));
  }

  attemptFailed(attempt: Attempt, error: SpillwayError): void {
    if (this.#done) return;
    if (!this.#headSeen && this.#goOnWithout(attempt)) return;
    this.#finish('failure');
    this.#receiver.onError(error);
  }

  bodySent(bytes: number): void {
    this.#bodyBytes += bytes;
    if (this.#bodyBytes <= this.#context.maxBodyBytes) return;
    this.abort(new SpillwayError('SPILLWAY_REQUEST_TOO_LARGE', `the request body exceeds ${this.#context.maxBodyBytes} bytes`));
  }

  #try(): void {
    const attempt = this.#launch();
    if (attempt) this.#attempt = attempt;
    else {
      this.#finish('failure');
      // Not before dispatch has returned: the caller has not seen the exchange yet.
      queueMicrotask(() => this.#receiver.onError(this.#pools.balancer.refusal()));
    }
  }

  /** Sends the request to an endpoint of the balancer's choice; undefined when there is none. */
  #launch(): Attempt | undefined {
    const { hashKey, clientIp } = this.#request;
    const { tier, stickTo } = this.#preference;
    const endpoint = this.#pools.balancer.pick({ hashKey: hashKey ?? clientIp, tier, stickTo, tried: this.#tried });
    if (!endpoint) return undefined;
    const attempt = new Attempt(this, this.#outbound, endpoint, this.#context.clock.monotonic());
    this.deadlineMs = this.#nextDeadline(attempt.startedMs);
    this.#pools.poolOf(endpoint).send(attempt, attempt.startedMs);
    return attempt;
  }

  #nextDeadline(startedMs: number): number {
    const { hedgeAfterMs, attemptTimeoutMs } = this.#pools.settings;
    if (!this.#outbound.repeatable) return this.#lastMs;
    const patienceMs = this.#hedge ? attemptTimeoutMs : (hedgeAfterMs ?? attemptTimeoutMs);
    return patienceMs === undefined ? this.#lastMs : Math.min(this.#lastMs, startedMs + patienceMs);
  }

  #timeOut(): void {
    this.#finish('failure');
    const { method, target, timeoutMs } = this.#request;
    this.#receiver.onError(
      new SpillwayError('SPILLWAY_UPSTREAM_TIMEOUT', `no answer to ${method} ${target} within ${timeoutMs} ms`),
    );
  }

  #replaceAttempt(): void {
    if (this.#mayRetry(this.#attempt!)) this.#retry(this.#attempt!);
    else this.deadlineMs = this.#lastMs;
  }

  #makeHedge(): void {
    this.deadlineMs = this.#lastMs;
    if (this.#hedge || !this.#mayRetry(this.#attempt!)) return;
    (this.#tried ??= []).push(this.#attempt!.endpoint);
    this.#hedge = this.#launch();
    this.deadlineMs = this.#lastMs;
  }

  /** Whether the request goes on although this attempt has failed: by the other one, or by a new one. */
  #goOnWithout(attempt: Attempt): boolean {
    const other = attempt === this.#attempt ? this.#hedge : this.#attempt;
    if (this.#hedge && other) {
      this.#giveUp(attempt, 'failure');
      this.#attempt = other;
      this.#hedge = undefined;
      return true;
    }
    if (!this.#mayRetry(attempt)) return false;
    this.#retry(attempt);
    return true;
  }

  /** An attempt that sent nothing may always be repeated; another only when neither method nor body stands against it. */
  #mayRetry(attempt: Attempt): boolean {
    if ((this.#tried?.length ?? 0) >= this.#pools.settings.retries.attempts) return false;
    return (!attempt.sent || this.#outbound.repeatable) && this.#pools.budget.take();
  }

  #retry(attempt: Attempt): void {
    this.#giveUp(attempt, 'failure');
    (this.#tried ??= []).push(attempt.endpoint);
    this.#try();
  }

  #keepOnly(winner: Attempt): void {
    const loser = winner === this.#attempt ? this.#hedge : this.#attempt;
    // Being slower than another is no fault, but it was slow: silence has been counted already.
    if (loser && loser !== winner) this.#giveUp(loser, 'cancelled');
    this.#attempt = winner;
    this.#hedge = undefined;
  }

  #finish(outcome: Outcome): void {
    this.#done = true;
    this.#context.deadlines.remove(this);
    if (this.#attempt) this.#giveUp(this.#attempt, outcome);
    if (this.#hedge) this.#giveUp(this.#hedge, outcome);
  }

  /** The attempt is over. `failure` after its answer began: it was cut off. */
  #giveUp(attempt: Attempt, outcome: Outcome): void {
    if (attempt.ended) return;
    attempt.ended = true;
    const broken = this.#headSeen && outcome === 'failure';
    this.#learn(attempt, outcome, 0);
    this.#pools.balancer.done(attempt.endpoint, broken);
    if (outcome !== 'success') attempt.abandon();
  }

  #learn(attempt: Attempt, outcome: Outcome, retryAfterMs: number): void {
    if (attempt.answered) return;
    attempt.answered = true;
    const latencyMs = this.#context.clock.monotonic() - attempt.startedMs;
    this.#pools.balancer.answered(attempt.endpoint, outcome, latencyMs, retryAfterMs);
  }
}

/** Retry-After in ms; 0 without one. A date is not worth a parse: the longest penalty is minutes. */
function retryAfterOf(fields: readonly string[]): number {
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] === 'retry-after') return Math.max(0, Number(fields[i + 1]) * 1000) || 0;
  }
  return 0;
}
