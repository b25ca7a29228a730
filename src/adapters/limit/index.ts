export { expressLimit, type ExpressRequest } from './express.ts';
export { expressRateLimitStore, type ExpressRateLimitStore } from './express-rate-limit-store.ts';
export { fastifyLimit, type FastifyLimitOptions, type FastifyRouteLimit } from './fastify.ts';
export { fastifyRateLimitStore } from './fastify-rate-limit-store.ts';
export { fetchLimit, type FetchVerdict } from './fetch.ts';
export { honoLimit, type HonoContext } from './hono.ts';
export type { HttpLimitOptions } from './http-limit.ts';
export { nodeLimit, type NodeLimitOptions, type NodeMiddleware, type RefusalHandler } from './node.ts';
