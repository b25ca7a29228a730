import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  ConfigError,
  Events,
  messageOf,
  parseOptions,
  problemFields,
  problemsOf,
  problemText,
  runtimeFrom,
  SpillwayError,
  type Runtime,
} from '../kernel/index.ts';
import {
  ACTION_ROUTES,
  actionAt,
  type ActionName,
  type ActionRoute,
  type AdminActions,
  type SilenceRequest,
} from './admin-actions.ts';
import { AdminGuard, callerOf, type Refusal } from './admin-guard.ts';
import { adminOptions, isLoopback, type AdminOptions, type AdminSettings } from './admin-options.ts';
import { DashboardFiles } from './dashboard-files.ts';
import { EventStreams, shortNumbers } from './event-stream.ts';
import { CONTENT_TYPES, formatFor } from './exposition.ts';
import type { Health } from './health.ts';

/** What the admin listener is handed by the rest of the house. */
export interface AdminParts {
  readonly health: Health;
  /** What it can do. An action that is not handed in answers 501 and says what it needs. */
  readonly actions?: Partial<AdminActions>;
  /** Whether the service may take traffic, and why not. Default: always. */
  readonly readiness?: () => Readiness;
}

export interface Readiness {
  /** The service has come up once: what a startup probe asks. */
  readonly started: boolean;
  /** It may take traffic now: not while it drains. */
  readonly ready: boolean;
  readonly reasons: readonly string[];
}

/** Who did what through the admin listener, and how it ended. */
export interface AuditEntry {
  readonly atMs: number;
  readonly caller: string;
  readonly action: ActionName;
  readonly text: string;
  readonly outcome: 'done' | 'failed';
}

export interface AdminEvents {
  audited: AuditEntry;
}

const MAX_BODY_BYTES = 262_144;
const MAX_AUDIT_ENTRIES = 500;

/**
 * The admin listener: probes, metrics, status, history, dashboard and control. Listens on loopback unless told otherwise,
 * and elsewhere only with a token.
 * @throws ConfigError naming every wrong option.
 */
export function createAdmin(options: AdminOptions & AdminParts, runtime: Partial<Runtime> = {}): AdminListener {
  const { health, actions, readiness, ...rest } = options;
  const settings = parseOptions(adminOptions, rest, 'createAdmin(options)');
  if (!isLoopback(settings.host) && settings.token === undefined) {
    throw new ConfigError('createAdmin(options)', [
      {
        path: 'host',
        message: `"${settings.host}" can be reached from other machines, and no token is set`,
        fix: `set admin.token to a secret of 16 characters or more, or listen on 127.0.0.1`,
      },
    ]);
  }
  const parts: AdminParts = { health, ...(actions ? { actions } : {}), ...(readiness ? { readiness } : {}) };
  return new AdminListener(settings, parts, runtime);
}

export class AdminListener {
  readonly events = new Events<AdminEvents>();
  readonly #settings: AdminSettings;
  readonly #parts: AdminParts;
  readonly #guard: AdminGuard;
  readonly #streams: EventStreams;
  readonly #files = new DashboardFiles();
  readonly #runtime: Runtime;
  readonly #server: Server;
  readonly #audit: AuditEntry[] = [];

  /** @param settings as {@link createAdmin} resolves and checks them. */
  constructor(settings: AdminSettings, parts: AdminParts, runtime: Partial<Runtime> = {}) {
    this.#settings = settings;
    this.#parts = parts;
    this.#runtime = runtimeFrom(runtime);
    this.#guard = new AdminGuard(settings, this.#runtime.clock);
    this.#streams = new EventStreams(parts.health, settings.maxStreams);
    this.#server = createServer({ maxHeaderSize: 16_384, requestTimeout: 30_000 }, (request, response) => {
      this.#answer(request, response).catch((error: unknown) => sendFault(response, error));
    });
  }

  /** Listens; resolves with the address. */
  async start(): Promise<string> {
    this.#server.listen(this.#settings.port, this.#settings.host);
    await once(this.#server, 'listening');
    return this.url;
  }

  async stop(): Promise<void> {
    this.#streams.close();
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  /** Where it listens: `http://127.0.0.1:9901`. */
  get url(): string {
    const { address, port, family } = this.#server.address() as AddressInfo;
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  }

  /** What was done through it, oldest first. */
  get audit(): readonly AuditEntry[] {
    return this.#audit;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    setSecurityHeaders(response);
    const refusal = this.#guard.admit(request);
    if (refusal) return sendRefusal(response, refusal);
    const url = new URL(request.url ?? '/', 'http://admin');
    if (request.method === 'GET' || request.method === 'HEAD') return this.#read(request, response, url);
    if (request.method === 'POST') return this.#control(request, response, url.pathname);
    response.setHeader('allow', 'GET, HEAD, POST');
    sendProblem(response, 405, 'Method not allowed', `${request.method} means nothing here.`);
  }

  async #read(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const path = url.pathname;
    if (PROBES.has(path)) return this.#probe(request, response, path);
    if (this.#files.serve(path, request, response)) return;
    const refusal = this.#guard.refuseReading(request);
    if (refusal) return sendRefusal(response, refusal);
    if (path === '/metrics') return this.#sendMetrics(request, response);
    if (path === '/events') return this.#openStream(request, response);
    if (path === '/prometheus-rules.yml') return sendText(response, 'application/yaml', this.#parts.health.prometheusRules());
    const answer = await this.#look(path, url.searchParams);
    if (answer !== undefined) return sendJson(response, 200, answer);
    if (actionAt(path)) {
      response.setHeader('allow', 'POST');
      return sendProblem(response, 405, 'Method not allowed', `POST to ${path}.`);
    }
    sendProblem(response, 404, 'Not found', `Nothing here. Try /, /status, /metrics, /healthz, /readyz, /api/history.`);
  }

  #look(path: string, query: URLSearchParams): unknown {
    const { health } = this.#parts;
    switch (path) {
      case '/status':
      case '/api/overview':
        return health.overview();
      case '/api/classes':
        return health.overview().classes;
      case '/api/workers':
        return health.overview().workers;
      case '/api/timeline':
        return health.timeline.since(Number(query.get('since') ?? 0) || 0);
      case '/api/history':
        return this.#history(query);
      case '/grafana.json':
        return health.grafanaBoard();
      case '/api/audit':
        return this.#audit;
      case '/api/actions':
        return ACTION_ROUTES.map(({ name, path }) => ({ name, path, available: this.#action(name) !== undefined }));
      default:
        return undefined;
    }
  }

  #history(query: URLSearchParams): unknown {
    const { history } = this.#parts.health;
    const wanted = query.get('signals');
    if (wanted === null) return { signals: [...history.signals].toSorted() };
    const nowMs = this.#runtime.clock.now();
    const toMs = Math.min(nowMs, Number(query.get('to') ?? nowMs) || nowMs);
    const fromMs = Number(query.get('from') ?? toMs - 900_000) || toMs - 900_000;
    const signals = wanted.split(',').slice(0, 64);
    const stepMs = Number(query.get('step') ?? 0) || 0;
    if (query.get('of') === 'fleet') return this.#parts.health.fleetHistory(signals, fromMs, toMs, stepMs);
    return history.slice(signals, fromMs, toMs, stepMs);
  }

  async #sendMetrics(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const format = formatFor(request.headers.accept);
    response.writeHead(200, { 'content-type': CONTENT_TYPES[format], 'cache-control': 'no-store', vary: 'accept' });
    for await (const piece of this.#parts.health.metrics(format)) {
      if (response.destroyed) return;
      if (!response.write(piece)) await Promise.race([once(response, 'drain'), once(response, 'close')]);
    }
    response.end();
  }

  #openStream(request: IncomingMessage, response: ServerResponse): void {
    if (this.#streams.full) return sendProblem(response, 503, 'Too many dashboards', 'Close one, or raise admin.maxStreams.');
    this.#streams.open(request, response);
  }

  #probe(request: IncomingMessage, response: ServerResponse, path: string): void {
    const { verdict, causes } = this.#parts.health.status();
    const { started, ready, reasons } = this.#parts.readiness?.() ?? { started: true, ready: true, reasons: [] };
    const passed = path === '/livez' || (path === '/startupz' ? started : path === '/readyz' ? ready : verdict !== 'critical');
    const authorised = this.#guard.refuseReading(request) === undefined;
    const word = path === '/healthz' ? verdict : passed ? 'ok' : 'not ok';
    const details = authorised ? { verdict, causes: causes.map(({ text }) => text), ready, reasons } : {};
    sendJson(response, passed ? 200 : 503, { status: word, ...details });
  }

  async #control(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    const found = actionAt(path);
    if (!found) return sendProblem(response, 404, 'Not found', `There is no action at ${path}.`);
    const refusal = this.#guard.refuseControl(request);
    if (refusal) return sendRefusal(response, refusal);
    const { route, id } = found;
    const perform = this.#action(route.name);
    if (!perform)
      return sendProblem(response, 501, 'Not available', `This needs ${route.needs}, which this service does not have.`);
    const body = await readJson(request);
    if (body === undefined)
      return sendProblem(response, 400, 'Not JSON', `The body is not JSON, or is longer than ${MAX_BODY_BYTES} bytes.`);
    const input = id === undefined ? body : { ...(body as object), id };
    const parsed = route.schema.safeParse(input, { reportInput: true });
    if (!parsed.success) {
      const problems = problemsOf(route.schema, parsed.error);
      const detail = problems.map((one) => `${one.path}${one.path ? ': ' : ''}${one.message}`).join('; ');
      return sendProblem(response, 422, 'Wrong request', detail);
    }
    await this.#perform(route, perform, parsed.data, callerOf(request), response);
  }

  async #perform(
    route: ActionRoute,
    perform: (request: never) => unknown,
    input: unknown,
    caller: string,
    response: ServerResponse,
  ): Promise<void> {
    const text = route.tell(input as never);
    try {
      const result = await perform(input as never);
      this.#keep(route, caller, text);
      sendJson(response, 200, result ?? { done: true });
    } catch (error) {
      this.#keep(route, caller, text, error);
      sendFault(response, error);
    }
  }

  /** In the audit trail, and on the timeline what may explain a change in the charts. */
  #keep({ name, kind }: ActionRoute, caller: string, text: string, error?: unknown): void {
    const failed = error !== undefined;
    this.#record({ atMs: this.#runtime.clock.now(), caller, action: name, text, outcome: failed ? 'failed' : 'done' });
    if (kind === undefined) return;
    const told = failed ? `${text} failed: ${messageOf(error)}` : text;
    this.#parts.health.note({ kind, text: told, tone: failed ? 'bad' : 'info', actor: caller });
  }

  /** Silencing is health's own; everything else is handed in. */
  #action(name: ActionName): ((request: never) => unknown) | undefined {
    if (name === 'silenceAlert') return (request: SilenceRequest) => this.#parts.health.silence(request.alert, request.for);
    return this.#parts.actions?.[name] as ((request: never) => unknown) | undefined;
  }

  #record(entry: AuditEntry): void {
    this.#audit.push(entry);
    if (this.#audit.length > MAX_AUDIT_ENTRIES) this.#audit.shift();
    this.events.emit('audited', entry);
  }
}

const PROBES = new Set(['/healthz', '/livez', '/readyz', '/startupz']);

/** Everything the page needs comes from here; nothing may frame it, and it may not call elsewhere. */
const CONTENT_SECURITY_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

function setSecurityHeaders(response: ServerResponse): void {
  response.setHeader('content-security-policy', CONTENT_SECURITY_POLICY);
  response.setHeader('x-content-type-options', 'nosniff');
  response.setHeader('referrer-policy', 'no-referrer');
  response.setHeader('cross-origin-resource-policy', 'same-origin');
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    length += piece.length;
    if (length > MAX_BODY_BYTES) return undefined;
    pieces.push(piece);
  }
  if (length === 0) return {};
  try {
    const value: unknown = JSON.parse(Buffer.concat(pieces).toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  const body = Buffer.from(JSON.stringify(value, shortNumbers));
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': body.length,
    'cache-control': 'no-store',
  });
  response.end(body);
}

function sendText(response: ServerResponse, type: string, text: string): void {
  response.writeHead(200, { 'content-type': `${type}; charset=utf-8`, 'cache-control': 'no-store' });
  response.end(text);
}

/** A problem document, RFC 9457. */
function sendProblem(response: ServerResponse, status: number, title: string, detail: string): void {
  const body = Buffer.from(problemText({ title, status, detail }));
  response.writeHead(status, problemFields(body.byteLength).flat());
  response.end(body);
}

function sendRefusal(response: ServerResponse, { status, title, detail }: Refusal): void {
  if (status === 401) response.setHeader('www-authenticate', 'Bearer realm="spillway"');
  if (status === 429) response.setHeader('retry-after', '1');
  sendProblem(response, status, title, detail);
}

function sendFault(response: ServerResponse, error: unknown): void {
  if (response.headersSent) return void response.destroy();
  const known = error instanceof SpillwayError;
  sendProblem(response, known && error.retryable ? 503 : 500, known ? error.code : 'Fault', messageOf(error));
}
