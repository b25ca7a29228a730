import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Http2SecureServer, ServerHttp2Session } from 'node:http2';
import { Server as NetServer, type AddressInfo, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { parseOptions, runtimeFrom, SpillwayError, type Clock, type Runtime } from '../kernel/index.ts';
import type { RouteMatch, RoutePolicy } from '../policy/index.ts';
import type { Exchange, PreparedAnswers } from '../ports/index.ts';
import { ClientAddresses } from './client-address.ts';
import { isAnswerDue, onClientError } from './client-error.ts';
import { completed, type CompletedRequest } from './completed-request.ts';
import { FastPath, type FastAnswer } from './fast-path.ts';
import { GatewayExchange, type Refusal, type RequestFacts } from './gateway-exchange.ts';
import { HttpMetrics, type RouteMetrics } from './http-metrics.ts';
import { gatewaySchema, type GatewayOptions, type GatewaySettings } from './options.ts';
import type { PlainExchange } from './plain-exchange.ts';
import { problemOf, sendProblem } from './problems.ts';
import { awaitProxyHeader } from './proxy-protocol.ts';
import { RequestIds } from './request-id.ts';
import { framingProblem, lastOf, readHead } from './request-head.ts';
import { SecurityHeaders } from './security-headers.ts';
import { CertificateWatch, createParsingServer } from './server.ts';
import { normaliseAuthority, parseTarget } from './target.ts';
import { TraceContext } from './trace-context.ts';
import { refuseUpgrade, type UpgradeRequest } from './upgrade.ts';

/** What the gateway is connected to. */
export interface GatewayConnections {
  /** The route of a request; undefined is answered 404. */
  readonly match: (method: string, path: string) => RouteMatch | undefined;
  /** Answers the request through `exchange.response`, at any time. What it throws becomes a 500. */
  readonly handle: (exchange: Exchange) => void;
  /**
   * Takes plain GETs and HEADs that are passed on as they are, straight from their socket. False leaves a request to
   * `handle`, and must have counted nothing. Without it all are for `handle`.
   */
  readonly handlePlain?: (exchange: PlainExchange) => boolean;
  /** Takes requests to change protocols, such as a WebSocket's; without it they are answered 501. */
  readonly upgrade?: (upgrade: UpgradeRequest) => void;
  /** Hears of each request once its answer is complete or broken off. */
  readonly onComplete?: (completed: CompletedRequest) => void;
  /** Stored answers that can be written to a socket as they are: plain GETs of them take the fast path. */
  readonly prepared?: PreparedAnswers;
  /**
   * Whether a request that came at `nowMs` (monotonic) may be answered on the fast path. False leaves it to `handle`, and
   * must have counted nothing; bytes are whole field lines (`name: value\r\n`) to send with the answer, read before the next
   * call. Without it every route may.
   */
  readonly admitFast?: (route: RoutePolicy, clientIp: string, nowMs: number) => boolean | Buffer;
  /**
   * A listening handle of another process (the cluster's primary), to accept connections from in place of opening
   * `listen.port` here.
   */
  readonly handleToListenOn?: object;
}

/** HTTP in and out: everything between a client's connection and the layers. */
export interface Gateway {
  readonly server: Server;
  /** Where it listens, once started: `http://127.0.0.1:8080`. */
  readonly address: string;
  /** Requests being answered. */
  readonly inFlight: number;
  /** Open client connections. */
  readonly connections: number;
  /** @throws SpillwayError SPILLWAY_LISTEN_FAILED */
  start(): Promise<void>;
  /** Accepts connections from a further listening handle, beside the one it started with. */
  listenOn(handle: object): Promise<void>;
  /**
   * Takes no new connections, has those that are open close after their next answer, or after 3 s without one, and
   * resolves when all are gone. When `signal` aborts, idle connections are closed at once.
   */
  drain(signal: AbortSignal): Promise<void>;
  /** Closes everything now. */
  stop(): Promise<void>;
}

/**
 * A gateway that hands each request, matched and checked, to `connections.handle`.
 *
 * @throws ConfigError when the options are wrong.
 */
export function createGateway(options: GatewayOptions & GatewayConnections, runtime: Partial<Runtime> = {}): Gateway {
  const { listen, trustedProxies, tracing, securityHeaders, ...connections } = options;
  const rest = {
    ...(listen && { listen }),
    ...(trustedProxies && { trustedProxies }),
    ...(tracing && { tracing }),
    ...(securityHeaders !== undefined && { securityHeaders }),
  };
  return gatewayFrom(parseOptions(gatewaySchema, rest, 'createGateway(options)'), connections, runtime);
}

/** The same from settings that were checked already, such as a resolved policy's. */
export function gatewayFrom(settings: GatewaySettings, connections: GatewayConnections, runtime: Partial<Runtime> = {}): Gateway {
  return new HttpGateway(settings, connections, runtimeFrom(runtime));
}

/**
 * How long a draining gateway waits for the next request of a connection before it closes it: a client that sends one
 * just then would lose it. Connections in use close by themselves with their next answer.
 */
const IDLE_GRACE_MS = 3000;

class HttpGateway implements Gateway {
  readonly server: Server;
  readonly #settings: GatewaySettings['listen'];
  readonly #connections: GatewayConnections;
  readonly #clock: Clock;
  readonly #addresses: ClientAddresses;
  readonly #metrics: HttpMetrics;
  readonly #requestIds = new RequestIds();
  readonly #trace: TraceContext | undefined;
  /** What answers of its own carry, by scheme. */
  readonly #ownFields: Readonly<Record<'http' | 'https', readonly string[]>>;
  readonly #metricsOf = new Map<RoutePolicy, RouteMetrics>();
  readonly #inFlight = new Set<ServerResponse>();
  readonly #sockets = new Set<Socket>();
  /** Connections that end with the refusal of a request. */
  readonly #refused = new WeakSet<Socket>();
  readonly #furtherListeners: NetServer[] = [];
  readonly #fastPath: FastPath | undefined;
  readonly #certificates: CertificateWatch | undefined;
  /** HTTP/2 connections. */
  readonly #sessions = new Set<ServerHttp2Session>();
  /** Node's own listener, which parses what a connection brings. */
  readonly #serveHttp: (socket: Socket) => void;
  /** The same for one whose TLS stands. */
  readonly #serveHttps: (socket: Socket) => void;
  #draining = false;

  constructor(settings: GatewaySettings, connections: GatewayConnections, { clock, random, metrics }: Runtime) {
    this.#settings = settings.listen;
    this.#connections = connections;
    this.#clock = clock;
    this.#addresses = new ClientAddresses(settings.trustedProxies);
    this.#metrics = new HttpMetrics(metrics);
    this.#trace = settings.tracing && new TraceContext(settings.tracing.sample, random);
    this.#ownFields = settings.securityHeaders ? new SecurityHeaders(settings.securityHeaders).own : { http: [], https: [] };
    this.server = this.#createServer();
    const [serveHttp] = this.server.listeners('connection') as ((socket: Socket) => void)[];
    this.#serveHttp = (socket) => serveHttp!.call(this.server, socket);
    this.server.removeAllListeners('connection').on('connection', (socket: Socket) => this.#onConnection(socket));
    const [serveHttps] = this.server.listeners('secureConnection') as ((socket: TLSSocket) => void)[];
    this.#serveHttps = (socket) => serveHttps!.call(this.server, socket as TLSSocket);
    this.#fastPath = this.#createFastPath();
    if (this.#settings.tls) {
      this.server.removeAllListeners('secureConnection').on('secureConnection', (socket: TLSSocket) => this.#onSecure(socket));
      const secure = this.server as unknown as Http2SecureServer;
      this.#certificates = new CertificateWatch(secure, this.#settings.tls, clock);
      secure.on('session', (session) => this.#onSession(session));
    }
  }

  get address(): string {
    const bound = this.server.address() as AddressInfo | null;
    if (!bound) return '';
    return `${this.#settings.tls ? 'https' : 'http'}://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`;
  }

  get inFlight(): number {
    return this.#inFlight.size + (this.#fastPath?.passing ?? 0);
  }

  get connections(): number {
    return this.#sockets.size;
  }

  start(): Promise<void> {
    const { host, port } = this.#settings;
    return new Promise((resolve, reject) => {
      const onError = (cause: Error): void =>
        reject(new SpillwayError('SPILLWAY_LISTEN_FAILED', `cannot listen on ${host}:${port}: ${cause.message}`, { cause }));
      this.server.once('error', onError);
      const onListening = (): void => {
        this.server.off('error', onError);
        resolve();
      };
      const { handleToListenOn } = this.#connections;
      if (handleToListenOn) this.server.listen(handleToListenOn, onListening);
      else this.server.listen({ host, port, backlog: 4096 }, onListening);
    });
  }

  listenOn(handle: object): Promise<void> {
    const listener = new NetServer({ allowHalfOpen: true }, (socket) => this.#onConnection(socket));
    listener.maxConnections = this.#settings.maxConnections;
    this.#furtherListeners.push(listener);
    return new Promise((resolve, reject) => {
      listener.once('error', reject);
      listener.listen(handle, resolve);
    });
  }

  async drain(signal: AbortSignal): Promise<void> {
    this.#draining = true;
    // Not http's own close(): that cuts idle connections at once, and with them requests already on their way here.
    const closed = Promise.all(
      [this.server, ...this.#furtherListeners].map(
        (listener) => new Promise<void>((resolve) => NetServer.prototype.close.call(listener, () => resolve())),
      ),
    );
    for (const response of this.#inFlight) closeAfter(response);
    this.#fastPath?.drain();
    // GOAWAY: requests under way are finished, new ones go to another connection.
    for (const session of this.#sessions) session.close();
    const closeIdle = (): void => {
      this.server.closeIdleConnections();
      this.#fastPath?.closeIdle();
    };
    const grace = this.#clock.setTimer(closeIdle, IDLE_GRACE_MS);
    if (signal.aborted) closeIdle();
    else signal.addEventListener('abort', closeIdle, { once: true });
    await closed;
    grace.cancel();
  }

  async stop(): Promise<void> {
    this.#certificates?.stop();
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    for (const listener of this.#furtherListeners) listener.close();
    for (const socket of this.#sockets) socket.destroy();
    if (this.server.listening) await closed;
  }

  #createServer(): Server {
    const server = createParsingServer(this.#settings) as Server;
    server.maxConnections = this.#settings.maxConnections;
    server.on('request', (request, response) => this.#onRequest(request, response));
    server.on('checkContinue', (request, response) => this.#onContinue(request, response));
    server.on('checkExpectation', (_, response) =>
      this.#refuse(response, { status: 417, detail: 'Only 100-continue can be expected.' }),
    );
    server.on('upgrade', (request, socket, head) => this.#onUpgrade(request, socket, head));
    server.on('connect', (_, socket) => {
      if (isAnswerDue(socket)) this.#cut(socket);
      else refuseUpgrade(socket, { status: 405, detail: 'CONNECT is not served.' }, this.#ownFieldsHere);
    });
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      const status = onClientError(error, socket as Socket, this.#ownFieldsHere);
      if (status) this.#metrics.refused(status);
    });
    return server;
  }

  #onConnection(socket: Socket): void {
    socket.setNoDelay(true);
    this.#sockets.add(socket);
    this.#metrics.connections.set(this.#sockets.size);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      this.#metrics.connections.set(this.#sockets.size);
    });
    if (!this.#settings.proxyProtocol) return this.#accept(socket);
    awaitProxyHeader(socket, this.#settings.headersTimeoutMs, (rest) => {
      this.#accept(socket);
      if (rest.length > 0) socket.emit('data', rest);
    });
  }

  #accept(socket: Socket): void {
    if (this.#fastPath && !this.#settings.tls) this.#fastPath.accept(socket);
    else this.#serveHttp(socket);
  }

  #onSecure(socket: TLSSocket): void {
    if (this.#fastPath && socket.alpnProtocol !== 'h2') this.#fastPath.accept(socket);
    else this.#serveHttps(socket);
  }

  #onSession(session: ServerHttp2Session): void {
    this.#sessions.add(session);
    session.once('close', () => this.#sessions.delete(session));
    // Faults of one connection; its requests hear of them too.
    session.on('error', () => {});
  }

  #createFastPath(): FastPath | undefined {
    const { prepared, admitFast, handlePlain, match } = this.#connections;
    if (!(prepared || handlePlain)) return undefined;
    const { maxHeaderBytes, maxUrlBytes, headersTimeoutMs, keepAliveTimeoutMs } = this.#settings;
    return new FastPath(
      {
        scheme: this.#settings.tls ? 'https' : 'http',
        prepared,
        admit: admitFast ?? (() => true),
        onAnswer: (fast) => this.#onFastAnswer(fast),
        match,
        pass: handlePlain && ((exchange) => this.#pass(exchange, handlePlain)),
        onPassed: (exchange) => this.#onPassed(exchange),
        nextRequestId: () => this.#requestIds.next(),
        trace: this.#trace,
        serveHttp: this.#settings.tls ? this.#serveHttps : this.#serveHttp,
      },
      { maxHeaderBytes, maxUrlBytes, firstRequestMs: headersTimeoutMs, keepAliveMs: keepAliveTimeoutMs },
      this.#clock,
      this.#metrics.handedOver,
    );
  }

  #onFastAnswer({ answer, request, clientIp, bytes, durationMs }: FastAnswer): void {
    const { route, status } = answer;
    const metrics = this.#routeMetrics(route);
    metrics.answered('GET', status, durationMs);
    metrics.fast.inc();
    this.#connections.onComplete?.({
      exchange: undefined,
      requestId: undefined,
      traceparent: undefined,
      route,
      method: 'GET',
      authority: request.authority,
      target: request.target,
      clientIp,
      userAgent: request.userAgent,
      referer: request.referer,
      status,
      bytes,
      durationMs,
      aborted: false,
    });
  }

  #pass(exchange: PlainExchange, handlePlain: (exchange: PlainExchange) => boolean): boolean {
    const { inFlight } = this.#routeMetrics(exchange.route);
    exchange.ownFields = this.#ownFields[exchange.scheme];
    inFlight.add(1);
    try {
      if (handlePlain(exchange)) return true;
    } catch (error) {
      sendProblem(exchange.response, problemOf(error, exchange.requestId), exchange.ownFields);
      return true;
    }
    inFlight.add(-1);
    return false;
  }

  #onPassed(exchange: PlainExchange): void {
    const metrics = this.#routeMetrics(exchange.route);
    metrics.inFlight.add(-1);
    if (exchange.aborted) metrics.aborted.inc();
    else metrics.answered(exchange.method, exchange.status, exchange.durationMs);
    this.#connections.onComplete?.(exchange);
  }

  /** Says 100 Continue when someone begins to read the body, so that a refusal spares the client the sending. */
  #onContinue(request: IncomingMessage, response: ServerResponse): void {
    const { shouldKeepAlive } = response;
    // Without a go-ahead it is unknown whether a body follows: the connection cannot be used again.
    response.shouldKeepAlive = false;
    const onReader = (event: string | symbol): void => {
      if (event !== 'data' && event !== 'readable') return;
      request.off('newListener', onReader);
      if (response.headersSent) return;
      response.shouldKeepAlive = shouldKeepAlive && !this.#draining;
      response.writeContinue();
    };
    request.on('newListener', onReader);
    this.#onRequest(request, response);
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    // Behind a refused request on its connection: nobody knows whether it is one, or the refused one's rest.
    if (response.socket === null && this.#refused.has(request.socket)) return;
    const startedMs = this.#clock.monotonic();
    if (this.#draining) closeAfter(response);
    const facts = this.#factsOf(request, startedMs);
    if ('status' in facts) return this.#refuse(response, facts);
    const match = this.#connections.match(request.method!, facts.path);
    if (!match) return this.#refuse(response, { status: 404, detail: `Nothing is served at ${facts.path}.` });
    this.#serve(new GatewayExchange(request, response, match, facts, this.#ownFields[facts.scheme]));
  }

  /**
   * Ends a connection whose parser Node has taken away while answers were due: nothing can be said in their place, and
   * Node closes only the one that is being written.
   */
  #cut(socket: Duplex): void {
    socket.destroy();
    for (const response of this.#inFlight) if (response.socket === null && response.req.socket === socket) response.emit('close');
  }

  #onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (isAnswerDue(socket)) return this.#cut(socket);
    const facts = this.#factsOf(request, this.#clock.monotonic());
    const refuse = (problem: Refusal): void => {
      this.#metrics.refused(problem.status);
      refuseUpgrade(socket, problem, this.#ownFieldsHere);
    };
    if ('status' in facts) return refuse(facts);
    const { match, upgrade } = this.#connections;
    if (!upgrade) return refuse({ status: 501, detail: 'Connections are not upgraded here.' });
    if (this.#draining) return refuse({ status: 503, detail: 'The server is restarting; connect again.' });
    const matched = match(request.method!, facts.path);
    if (!matched) return refuse({ status: 404, detail: `Nothing is served at ${facts.path}.` });
    upgrade({ ...facts, ...matched, request, socket, head, method: request.method! });
  }

  #serve(exchange: GatewayExchange): void {
    const { response } = exchange;
    const metrics = this.#routeMetrics(exchange.route);
    metrics.inFlight.add(1);
    this.#inFlight.add(response);
    response.once('close', () => this.#onClosed(exchange, metrics));
    try {
      this.#connections.handle(exchange);
    } catch (error) {
      sendProblem(response, problemOf(error, exchange.requestId), exchange.ownFields);
    }
  }

  #onClosed(exchange: GatewayExchange, metrics: RouteMetrics): void {
    const { response } = exchange;
    const durationMs = this.#clock.monotonic() - exchange.startedMs;
    const aborted = !response.writableFinished;
    this.#inFlight.delete(response);
    metrics.inFlight.add(-1);
    if (aborted) metrics.aborted.inc();
    else metrics.answered(exchange.method, response.statusCode, durationMs);
    this.#connections.onComplete?.(completed(exchange, durationMs, aborted));
  }

  /** Checks what every request must fulfil, whichever its route. */
  #factsOf(request: IncomingMessage, startedMs: number): RequestFacts | Refusal {
    const url = request.url!;
    if (url.length > this.#settings.maxUrlBytes) return { status: 414, detail: 'The request target is too long.' };
    if (request.method === 'TRACE') return { status: 405, detail: 'TRACE is not served.' };
    this.#trace?.applyTo(request);
    const head = readHead(request);
    const problem = framingProblem(head, request.httpVersion, this.#settings.maxBodyBytes);
    if (problem) return problem;
    const target = parseTarget(url);
    if (!target.ok) return { status: 400, detail: `Bad request: ${target.reason}.` };
    const peer = request.socket.remoteAddress ?? '';
    const trusted = this.#addresses.trusts(peer);
    const secure = this.#settings.tls !== undefined || (trusted && lastOf(head.forwardedProto) === 'https');
    const scheme = secure ? 'https' : 'http';
    const host = target.authority ?? (trusted ? lastOf(head.forwardedHost) : undefined) ?? head.host ?? '';
    const authority = normaliseAuthority(host, scheme);
    if (authority === undefined) return { status: 400, detail: 'Bad request: the Host field is missing or is no host.' };
    return {
      scheme,
      authority,
      path: target.path,
      query: target.query,
      clientIp: this.#addresses.clientOf(peer, trusted ? head.forwardedFor : undefined),
      requestId: this.#requestIds.adopt(trusted ? head.requestId : undefined),
      startedMs,
    };
  }

  /** Of a request whose scheme nobody has made out: by its own connection. */
  get #ownFieldsHere(): readonly string[] {
    return this.#ownFields[this.#settings.tls ? 'https' : 'http'];
  }

  #refuse(response: ServerResponse, { status, detail }: Refusal): void {
    this.#metrics.refused(status);
    if (status !== 404) {
      response.shouldKeepAlive = false;
      this.#refused.add(response.req.socket);
    }
    sendProblem(response, { status, detail }, this.#ownFieldsHere);
  }

  #routeMetrics(route: RoutePolicy): RouteMetrics {
    let metrics = this.#metricsOf.get(route);
    if (!metrics) this.#metricsOf.set(route, (metrics = this.#metrics.ofRoute(route)));
    return metrics;
  }
}

/** Has the connection closed once this answer is complete, and the client told so. */
function closeAfter(response: ServerResponse): void {
  if (!response.headersSent) response.shouldKeepAlive = false;
}
