import type { Runtime } from '../../kernel/index.ts';
import type { Decision } from '../../limit/index.ts';
import { HttpLimit, type HttpLimitOptions } from './http-limit.ts';

/** What came of a request. */
export interface FetchVerdict {
  /** The answer to send, when the request was refused. */
  readonly refusal: Response | undefined;
  readonly decision: Decision | undefined;
  /** The answer of the application with the fields that tell the client where it stands. */
  apply(response: Response): Response;
}

/**
 * Limits requests of anything that speaks the Fetch API: route handlers, workers, servers of Deno and Bun.
 * @returns a function of the request and the peer's address, which the platform knows.
 */
export function fetchLimit(options: HttpLimitOptions<Request>, runtime?: Partial<Runtime>) {
  const limit = new HttpLimit<Request>(options, runtime);
  return async (request: Request, peer?: string): Promise<FetchVerdict> => {
    const decision = await limit.decide(request, { peer, forwardedFor: request.headers.get('x-forwarded-for') ?? undefined });
    return {
      decision,
      refusal: decision && !decision.allowed ? refusalOf(limit, decision, request) : undefined,
      apply: (response) => (decision ? withFields(limit, decision, response) : response),
    };
  };
}

function refusalOf(limit: HttpLimit<Request>, decision: Decision, request: Request): Response {
  const { status, headers, body } = limit.refusal(decision);
  return new Response(request.method === 'HEAD' ? null : body, {
    status,
    headers: headers.map(([name, value]) => [name, value]),
  });
}

function withFields(limit: HttpLimit<Request>, decision: Decision, response: Response): Response {
  if (limit.dependsOnAnswer) limit.answered(decision, response.status);
  const headers = new Headers(response.headers);
  for (const [name, value] of limit.fields(decision)) headers.set(name, value);
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}
