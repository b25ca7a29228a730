import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { Endpoint, Outcome } from '../balance/index.ts';
import { messageOf, SpillwayError, type Clock } from '../kernel/index.ts';
import type { RouteMatch } from '../policy/index.ts';
import { requestFields, responseFields } from './forwarding.ts';
import type { RequestFacts } from './gateway-exchange.ts';
import { headText } from './head-text.ts';
import { headersOf } from './pass.ts';
import { problemAnswer, problemOf, type ProblemDocument } from './problems.ts';
import { Tunnel } from './tunnel.ts';
import type { UpstreamPools } from './upstream-pools.ts';

/** A request to change the protocol of its connection, such as a WebSocket's. */
export interface UpgradeRequest extends RouteMatch, RequestFacts {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** What came right behind the request. */
  readonly head: Buffer;
  readonly method: string;
}

/** Takes an upgrade to an endpoint and, when that agrees, joins the two connections. Nothing is sent twice. */
export class UpgradeAttempt implements Dispatcher.DispatchHandler {
  readonly #upgrade: UpgradeRequest;
  readonly #pools: UpstreamPools;
  readonly #clock: Clock;
  readonly #onTunnel: (tunnel: Tunnel) => () => void;
  readonly #endpoint: Endpoint;
  readonly #startedMs: number;
  readonly #ownFields: readonly string[];
  #answered = false;
  #done = false;

  /**
   * @param ownFields what a refusal of ours carries.
   * @param onTunnel hears of the tunnel; what it returns hears of its end.
   */
  constructor(
    upgrade: UpgradeRequest,
    pools: UpstreamPools,
    endpoint: Endpoint,
    clock: Clock,
    ownFields: readonly string[],
    onTunnel: (tunnel: Tunnel) => () => void,
  ) {
    this.#upgrade = upgrade;
    this.#pools = pools;
    this.#endpoint = endpoint;
    this.#clock = clock;
    this.#ownFields = ownFields;
    this.#onTunnel = onTunnel;
    this.#startedMs = clock.monotonic();
  }

  start(): void {
    const { request, socket, route, method, scheme, authority, path, query, clientIp } = this.#upgrade;
    const target = query === '' ? path : `${path}?${query}`;
    const headers = requestFields({
      upstream: route.upstream,
      method,
      scheme,
      authority,
      target,
      headers: headersOf(request, this.#upgrade.requestId),
      body: undefined,
      timeoutMs: route.timeoutMs,
      clientIp,
    });
    socket.on('error', () => socket.destroy());
    this.#pools
      .upgradePoolOf(this.#endpoint)
      .dispatch({ method, path: target, headers, upgrade: request.headers.upgrade!, headersTimeout: route.timeoutMs }, this);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#upgrade.socket.once('close', () => {
      if (!this.#answered) controller.abort(new Error('the client went away'));
    });
  }

  onRequestUpgrade(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
    upstream: Duplex,
  ): void {
    this.#learn('success');
    const { socket, request, head } = this.#upgrade;
    const upgrade = request.headers.upgrade!;
    socket.write(headText(status, [...responseFields(flat(headers)), 'connection', 'upgrade', 'upgrade', upgrade]), 'latin1');
    let onClosed = (): void => {};
    const tunnel = new Tunnel(socket, upstream, /^websocket$/i.test(upgrade), this.#clock, () => {
      this.#finish();
      onClosed();
    });
    onClosed = this.#onTunnel(tunnel);
    tunnel.join(head);
  }

  /** The endpoint gave an ordinary answer: the client gets it, and the connection ends behind it. */
  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (status < 200) return;
    this.#learn(status < 500 ? 'success' : 'failure');
    const fields = responseFields(flat({ ...headers, 'content-length': undefined }));
    this.#upgrade.socket.write(headText(status, [...fields, 'connection', 'close']), 'latin1');
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#upgrade.socket.write(chunk);
  }

  onResponseEnd(): void {
    endForGood(this.#upgrade.socket);
    this.#finish();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    const { socket } = this.#upgrade;
    const begun = this.#answered;
    this.#learn(socket.destroyed ? 'cancelled' : 'failure');
    this.#finish();
    if (begun || socket.destroyed) socket.destroy();
    else refuseUpgrade(socket, problemOf(faultOf(this.#endpoint, error), this.#upgrade.requestId), this.#ownFields);
  }

  #learn(outcome: Outcome): void {
    if (this.#answered) return;
    this.#answered = true;
    this.#pools.balancer.answered(this.#endpoint, outcome, this.#clock.monotonic() - this.#startedMs);
  }

  #finish(): void {
    if (this.#done) return;
    this.#done = true;
    this.#pools.balancer.done(this.#endpoint);
  }
}

/**
 * Answers an upgrade with a problem document and closes the connection.
 *
 * @param more fields to send with it.
 */
export function refuseUpgrade(socket: Duplex, problem: ProblemDocument, more: readonly string[] = []): void {
  const { fields, body } = problemAnswer(problem, [...more, 'connection', 'close']);
  socket.on('error', () => socket.destroy());
  socket.write(Buffer.concat([Buffer.from(headText(problem.status, fields), 'latin1'), body]));
  endForGood(socket);
}

/** Node has let go of the connection: unless somebody reads what still comes, it never closes. */
function endForGood(socket: Duplex): void {
  socket.resume();
  socket.end(() => socket.destroy());
}

/** Names and values in turn. */
function flat(headers: Readonly<Record<string, string | string[] | undefined>>): string[] {
  return Object.entries(headers).flatMap(([name, value]) => [value ?? []].flat().flatMap((one) => [name, one]));
}

function faultOf(endpoint: Endpoint, error: Error): SpillwayError {
  const timedOut = (error as { code?: string }).code === 'UND_ERR_HEADERS_TIMEOUT';
  const code = timedOut ? 'SPILLWAY_UPSTREAM_TIMEOUT' : 'SPILLWAY_UPSTREAM_UNAVAILABLE';
  return new SpillwayError(code, `${endpoint.url}: ${messageOf(error)}`, { cause: error });
}
