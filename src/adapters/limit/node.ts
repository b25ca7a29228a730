import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Runtime } from '../../kernel/index.ts';
import type { Decision } from '../../limit/index.ts';
import { HttpLimit, type HttpLimitOptions, type RequestFacts } from './http-limit.ts';

export type NodeMiddleware<Request extends IncomingMessage = IncomingMessage> = (
  request: Request,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/** Answers a refused request in the application's own way. */
export type RefusalHandler<Request, Response> = (request: Request, response: Response, decision: Decision) => void;

export interface NodeLimitOptions<Request extends IncomingMessage = IncomingMessage> extends HttpLimitOptions<Request> {
  /** Answers refused requests instead of the 429; the fields are set already. */
  readonly handler?: RefusalHandler<Request, ServerResponse>;
}

/**
 * Limits requests of `node:http`, Connect, or anything else that calls `(request, response, next)`. `next` is called for
 * what may go on, in the same turn of the loop while counts are in memory.
 */
export function nodeLimit(options: NodeLimitOptions, runtime?: Partial<Runtime>): NodeMiddleware {
  return limitWith(
    options,
    (request) => factsOf(request),
    () => {},
    runtime,
  );
}

/** @param onDecision puts the decision where the framework's users look for it. */
export function limitWith<Request extends IncomingMessage>(
  options: NodeLimitOptions<Request>,
  facts: (request: Request) => RequestFacts,
  onDecision: (request: Request, decision: Decision) => void,
  runtime?: Partial<Runtime>,
): NodeMiddleware<Request> {
  const { handler, ...rest } = options;
  const limit = new HttpLimit<Request>(rest, runtime);
  const conclude = (decision: Decision, request: Request, response: ServerResponse, next: () => void): void => {
    onDecision(request, decision);
    if (!decision.allowed && !handler) return send(limit, decision, request, response);
    for (const [name, value] of limit.fields(decision)) response.setHeader(name, value);
    if (!decision.allowed) return handler!(request, response, decision);
    if (limit.dependsOnAnswer) response.once('finish', () => limit.answered(decision, response.statusCode));
    next();
  };
  return (request, response, next) => {
    const decision = limit.decide(request, facts(request));
    if (decision === undefined) next();
    else if (decision instanceof Promise) decision.then((settled) => conclude(settled, request, response, next)).catch(next);
    else conclude(decision, request, response, next);
  };
}

export function factsOf(request: IncomingMessage, frameworkIp?: string): RequestFacts {
  const forwardedFor = request.headers['x-forwarded-for'];
  return {
    peer: request.socket.remoteAddress,
    forwardedFor: Array.isArray(forwardedFor) ? forwardedFor.join(',') : forwardedFor,
    frameworkIp,
  };
}

function send<Request extends IncomingMessage>(
  limit: HttpLimit<Request>,
  decision: Decision,
  request: Request,
  response: ServerResponse,
): void {
  const { status, headers, body } = limit.refusal(decision);
  response.writeHead(status, headers.flat());
  response.end(request.method === 'HEAD' ? undefined : body);
}
