import type { IncomingMessage } from 'node:http';
import type { Runtime } from '../../kernel/index.ts';
import type { Decision } from '../../limit/index.ts';
import { factsOf, limitWith, type NodeLimitOptions, type NodeMiddleware } from './node.ts';

/** What the middleware uses and sets of an Express request. */
export interface ExpressRequest extends IncomingMessage {
  /** The client's address by Express' own setting `trust proxy`. */
  readonly ip?: string | undefined;
  rateLimit?: Decision;
}

/**
 * Limits requests of Express 5. The client's address is `request.ip`, so Express' setting `trust proxy` holds unless
 * `trustProxy` is given. The decision is left in `request.rateLimit`.
 */
export function expressLimit(
  options: NodeLimitOptions<ExpressRequest>,
  runtime?: Partial<Runtime>,
): NodeMiddleware<ExpressRequest> {
  return limitWith(
    options,
    (request) => factsOf(request, request.ip),
    (request, decision) => void (request.rateLimit = decision),
    runtime,
  );
}
