import type { Runtime } from '../../kernel/index.ts';
import { HttpLimit, type HttpLimitOptions } from './http-limit.ts';

/** What the middleware uses of a Hono 4 context. */
export interface HonoContext {
  readonly req: { header(name: string): string | undefined; readonly raw: Request };
  readonly res: Response;
  /** On Node: what `@hono/node-server` puts there. */
  readonly env: unknown;
  header(name: string, value: string): void;
}

/**
 * Limits requests of Hono 4. On Node the peer's address is known by itself; on other platforms give `keyGenerator`. The
 * decision's fields are set on every answer.
 */
export function honoLimit<Context extends HonoContext>(options: HttpLimitOptions<Context>, runtime?: Partial<Runtime>) {
  const limit = new HttpLimit<Context>(options, runtime);
  return async (context: Context, next: () => Promise<void>): Promise<Response | void> => {
    const decision = await limit.decide(context, {
      peer: peerOf(context.env),
      forwardedFor: context.req.header('x-forwarded-for'),
    });
    if (!decision) return next();
    if (!decision.allowed) {
      const { status, headers, body } = limit.refusal(decision);
      return new Response(context.req.raw.method === 'HEAD' ? null : body, {
        status,
        headers: headers.map(([name, value]) => [name, value]),
      });
    }
    for (const [name, value] of limit.fields(decision)) context.header(name, value);
    await next();
    if (limit.dependsOnAnswer) limit.answered(decision, context.res.status);
  };
}

function peerOf(env: unknown): string | undefined {
  return (env as { incoming?: { socket?: { remoteAddress?: string } } } | undefined)?.incoming?.socket?.remoteAddress;
}
