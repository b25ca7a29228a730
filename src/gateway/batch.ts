import { z } from 'zod';
import { messageOf, parseOptions, PROBLEM_TYPE, problemText, runtimeFrom, SpillwayError, type Runtime } from '../kernel/index.ts';
import { batchOptions, type RouteMatch } from '../policy/index.ts';
import type { Exchange, Upstream } from '../ports/index.ts';
import { problemOf, sendProblem, type ProblemDocument } from './problems.ts';
import { parseTarget } from './target.ts';

export const batchSchema = z.strictObject(batchOptions).transform(({ timeout, ...rest }) => ({ ...rest, timeoutMs: timeout }));

export type BatchOptions = z.input<typeof batchSchema>;
type BatchSettings = z.output<typeof batchSchema>;

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

const batchRequest = z.strictObject({
  method: z.enum(METHODS).default('GET'),
  path: z.string().startsWith('/').max(8192),
  headers: z.record(z.string().regex(/^[\w-]+$/), z.string().max(8192)).default({}),
  body: z.unknown().optional(),
});
type BatchRequest = z.output<typeof batchRequest>;

/** The answer to one request of a batch: JSON stays JSON, anything else is text. */
export interface BatchAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** What the requests of a batch go through. */
export interface BatchConnections {
  readonly match: (method: string, path: string) => RouteMatch | undefined;
  readonly upstream: Upstream;
  /**
   * Whether a request of the batch may be served: its answer when it may not. Where limits hold, ask them here, or a batch
   * is a way round them.
   */
  readonly admit?: (exchange: Exchange) => BatchRefusal | undefined | Promise<BatchRefusal | undefined>;
}

export interface BatchRefusal {
  readonly status: number;
  readonly detail: string;
}

/**
 * An endpoint for several requests in one: `POST [{ method, path, headers, body }, …]` is answered with an array of
 * `{ status, headers, body }` in the same order. A request that fails fails alone.
 *
 * @throws ConfigError when the options are wrong.
 */
export function createBatchEndpoint(
  options: BatchOptions,
  connections: BatchConnections,
  runtime: Partial<Runtime> = {},
): (exchange: Exchange) => void {
  return batchFrom(parseOptions(batchSchema, options, 'createBatchEndpoint(options)'), connections, runtime);
}

/** The same from settings that were checked already, such as a resolved policy's. */
export function batchFrom(
  settings: BatchSettings,
  connections: BatchConnections,
  runtime: Partial<Runtime> = {},
): (exchange: Exchange) => void {
  const batch = new Batch(settings, connections, runtimeFrom(runtime));
  return (exchange) => void batch.answer(exchange);
}

class Batch {
  readonly #settings: BatchSettings;
  readonly #connections: BatchConnections;
  readonly #runtime: Runtime;

  constructor(settings: BatchSettings, connections: BatchConnections, runtime: Runtime) {
    this.#settings = settings;
    this.#connections = connections;
    this.#runtime = runtime;
  }

  async answer(exchange: Exchange): Promise<void> {
    const { response, requestId, ownFields = [] } = exchange;
    try {
      const requests = await this.#read(exchange);
      if ('status' in requests) return sendProblem(response, { ...requests, requestId }, ownFields);
      const answers = await this.#run(requests, exchange);
      const body = Buffer.from(JSON.stringify(answers));
      const fields = ['content-type', 'application/json', 'content-length', String(body.length), 'cache-control', 'no-store'];
      response.writeHead(200, [...fields, ...ownFields]);
      response.end(body);
    } catch (error) {
      sendProblem(response, problemOf(error, requestId), ownFields);
    }
  }

  async #read({ request, method }: Exchange): Promise<BatchRequest[] | ProblemDocument> {
    if (method !== 'POST') return { status: 405, detail: 'A batch is sent by POST.' };
    const { maxBytes, maxRequests } = this.#settings;
    const pieces: Buffer[] = [];
    let bytes = 0;
    for await (const piece of request as AsyncIterable<Buffer>) {
      bytes += piece.length;
      if (bytes > maxBytes) return { status: 413, detail: `A batch has at most ${maxBytes} bytes.` };
      pieces.push(piece);
    }
    let parsed: unknown;
    try {
      parsed = JSON.parse(Buffer.concat(pieces).toString());
    } catch (error) {
      return { status: 400, detail: `The batch is no JSON: ${messageOf(error)}.` };
    }
    const result = z.array(batchRequest).min(1).max(maxRequests).safeParse(parsed);
    if (result.success) return result.data;
    const [issue] = result.error.issues;
    return { status: 400, detail: `Request ${issue!.path.join('.')} of the batch: ${issue!.message}.` };
  }

  async #run(requests: readonly BatchRequest[], exchange: Exchange): Promise<BatchAnswer[]> {
    const answers = new Array<BatchAnswer>(requests.length);
    const endMs = this.#runtime.clock.monotonic() + this.#settings.timeoutMs;
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < requests.length) {
        const at = next++;
        answers[at] = await this.#one(requests[at]!, exchange, endMs);
      }
    };
    await Promise.all(Array.from({ length: Math.min(this.#settings.concurrency, requests.length) }, work));
    return answers;
  }

  async #one(request: BatchRequest, exchange: Exchange, endMs: number): Promise<BatchAnswer> {
    const leftMs = endMs - this.#runtime.clock.monotonic();
    if (leftMs <= 0) return failed(504, 'The batch took too long to get to this request.');
    const target = parseTarget(request.path);
    if (!target.ok) return failed(400, `Bad request: ${target.reason}.`);
    const match = this.#connections.match(request.method, target.path);
    if (!match) return failed(404, `Nothing is served at ${target.path}.`);
    try {
      const { path, query } = target;
      const refusal = await this.#connections.admit?.({ ...exchange, ...match, method: request.method, path, query });
      if (refusal) return failed(refusal.status, refusal.detail);
      return await this.#ask(request, exchange, match, target, leftMs);
    } catch (error) {
      const { status, detail } = problemOf(error);
      return failed(status, detail);
    }
  }

  #ask(
    request: BatchRequest,
    exchange: Exchange,
    { route }: RouteMatch,
    { path, query }: { readonly path: string; readonly query: string },
    leftMs: number,
  ): Promise<BatchAnswer> {
    const { scheme, authority, clientIp } = exchange;
    const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
    const headers = [
      ...inherited(exchange),
      ...Object.entries(request.headers).flatMap(([name, value]) => ownField(name.toLowerCase(), value)),
    ];
    if (body) headers.push('content-type', 'application/json', 'content-length', String(body.length));
    return new Promise((resolve, reject) => {
      let status = 0;
      let fields: Record<string, string> = {};
      const pieces: Buffer[] = [];
      let bytes = 0;
      const { maxBytes } = this.#settings;
      const upstream = this.#connections.upstream.dispatch(
        {
          upstream: route.upstream,
          method: request.method,
          scheme,
          authority,
          target: query === '' ? path : `${path}?${query}`,
          headers,
          body,
          timeoutMs: Math.min(route.timeoutMs, leftMs),
          clientIp,
        },
        {
          onHead: (code, list) => {
            status = code;
            fields = Object.fromEntries(Array.from({ length: list.length / 2 }, (_, at) => [list[at * 2]!, list[at * 2 + 1]!]));
          },
          onData: (chunk) => {
            bytes += chunk.length;
            if (bytes > maxBytes)
              upstream.abort(new SpillwayError('SPILLWAY_UPSTREAM_BROKEN', `the answer exceeds ${maxBytes} bytes`));
            else pieces.push(chunk);
          },
          onEnd: () => resolve({ status, headers: fields, body: bodyOf(Buffer.concat(pieces), fields['content-type']) }),
          onError: reject,
        },
      );
    });
  }
}

/** Who asks is the same for every request of a batch. */
function inherited({ request }: Exchange): string[] {
  return ['authorization', 'cookie', 'accept-language'].flatMap((name) => {
    const value = request.headers[name];
    return typeof value === 'string' ? [name, value] : [];
  });
}

function bodyOf(bytes: Buffer, contentType: string | undefined): unknown {
  const text = bytes.toString();
  if (!/\bjson\b/i.test(contentType ?? '')) return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** How long the body is says the body, and nobody else. */
function ownField(name: string, value: string): string[] {
  return name === 'content-length' || name === 'transfer-encoding' ? [] : [name, value];
}

function failed(status: number, detail: string): BatchAnswer {
  return { status, headers: { 'content-type': PROBLEM_TYPE }, body: JSON.parse(problemText({ status, detail })) };
}
