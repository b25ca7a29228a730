import { z } from 'zod';
import { count, duration, formatDuration } from '../kernel/index.ts';
import type { ChangeKind } from './timeline.ts';
import { workerNamed } from './words.ts';

const tags = z.array(z.string().min(1).max(256)).max(1000);
const paths = z.array(z.string().startsWith('/').max(2048)).max(1000);

const purge = z
  .strictObject({
    tags: tags.default([]),
    paths: paths.default([]),
    all: z.boolean().default(false),
    soft: z.boolean().default(false),
  })
  .refine((request) => request.all || request.tags.length + request.paths.length > 0, {
    message: 'name tags or paths, or say all: true',
  });
const changes = z.strictObject({ tag: z.string().min(1), field: z.string().min(1), before: z.unknown(), after: z.unknown() });
const warm = z.strictObject({ paths: paths.default([]), limit: count(1, 100_000).optional() });
const nothing = z.strictObject({});
const scale = z.strictObject({ workers: count(1, 1024) });
const worker = z.strictObject({ id: z.string().min(1).max(64) });
const profile = z.strictObject({ id: z.string().min(1).max(64), for: duration({ min: '1s', max: '10m' }).prefault('30s') });
const endpoint = z.strictObject({ upstream: z.string().min(1), endpoint: z.string().min(1), drained: z.boolean().default(true) });
const shedLevel = z.strictObject({ level: count(0, 10), for: duration({ min: '1s', max: '24h' }).prefault('10m') });
const limits = z.strictObject({ key: z.string().min(1).max(512), route: z.string().min(1).max(2048).optional() });
const silence = z.strictObject({
  alert: z.string().min(1).max(256),
  for: duration({ min: '1m', max: '30d' }).prefault('1h'),
  reason: z.string().max(500).default(''),
});

export type PurgeRequest = z.output<typeof purge>;
/** `tag` names what changed, `field` what of it: only pages that the change concerns are made anew. */
export type ChangesRequest = z.output<typeof changes>;
export type WarmRequest = z.output<typeof warm>;
/** `for` in ms. */
export type HeapProfileRequest = z.output<typeof profile>;
export type EndpointRequest = z.output<typeof endpoint>;
/** `for` in ms; level 0 lets shedding decide by itself again. */
export type ShedLevelRequest = z.output<typeof shedLevel>;
/** `key` is what a limit counts by: an address, `user:<name>` or `key:<API key>`; without `route`, on all of them. */
export type LimitsRequest = z.output<typeof limits>;
/** `for` in ms. */
export type SilenceRequest = z.output<typeof silence>;

/** What the admin listener can do, as functions of the rooms that do it. Each answers with what it has to say, as JSON. */
export interface AdminActions {
  purge(request: PurgeRequest): unknown;
  changes(request: ChangesRequest): unknown;
  warm(request: WarmRequest): unknown;
  reload(): unknown;
  scale(request: { readonly workers: number }): unknown;
  drainWorker(request: { readonly id: string }): unknown;
  restartWorker(request: { readonly id: string }): unknown;
  /** Answers with the file it will write. */
  heapProfile(request: HeapProfileRequest): unknown;
  drainEndpoint(request: EndpointRequest): unknown;
  setShedLevel(request: ShedLevelRequest): unknown;
  /** Answers with `{ limits }`: where the key stands with each limit that counts it. */
  peekLimits(request: LimitsRequest): unknown;
  /** Forgets what the key has used; answers as {@link peekLimits}. */
  resetLimits(request: LimitsRequest): unknown;
  /** Health's own; nobody needs to hand it in. */
  silenceAlert(request: SilenceRequest): unknown;
}

export type ActionName = keyof AdminActions;

/** One control endpoint: how it is called, what it takes, how the timeline tells of it. */
export interface ActionRoute<Name extends ActionName = ActionName> {
  readonly name: Name;
  /** `:id` stands for one segment, which becomes the request's `id`. */
  readonly path: string;
  readonly schema: z.ZodType;
  /** How the timeline marks it; absent: it only reads, and the audit trail alone keeps it. */
  readonly kind?: ChangeKind;
  tell(request: Parameters<AdminActions[Name]>[0]): string;
  /** What the service lacks when nobody handed this action in. */
  readonly needs: string;
}

function route<Name extends ActionName>(given: ActionRoute<Name>): ActionRoute {
  return given as unknown as ActionRoute;
}

export const ACTION_ROUTES: readonly ActionRoute[] = [
  route({ name: 'purge', path: '/purge', schema: purge, kind: 'purge', tell: tellPurge, needs: 'a page cache' }),
  route({
    name: 'changes',
    path: '/changes',
    schema: changes,
    kind: 'purge',
    tell: ({ tag, field }) => `${field} of ${tag} changed`,
    needs: 'a page cache',
  }),
  route({
    name: 'warm',
    path: '/warm',
    schema: warm,
    kind: 'action',
    tell: (request) => (request.paths.length > 0 ? `warm ${list(request.paths)}` : 'warm the planned routes'),
    needs: 'a page cache',
  }),
  route({
    name: 'reload',
    path: '/reload',
    schema: nothing,
    kind: 'reload',
    tell: () => 'reload',
    needs: 'the cluster: start with --workers',
  }),
  route({
    name: 'scale',
    path: '/scale',
    schema: scale,
    kind: 'scale',
    tell: ({ workers }) => `scale to ${workers} workers`,
    needs: 'the cluster: start with --workers',
  }),
  route({
    name: 'drainWorker',
    path: '/workers/:id/drain',
    schema: worker,
    kind: 'worker',
    tell: ({ id }) => `drain ${workerNamed(id)}`,
    needs: 'the cluster: start with --workers',
  }),
  route({
    name: 'restartWorker',
    path: '/workers/:id/restart',
    schema: worker,
    kind: 'worker',
    tell: ({ id }) => `restart ${workerNamed(id)}`,
    needs: 'the cluster: start with --workers',
  }),
  route({
    name: 'heapProfile',
    path: '/workers/:id/heap-profile',
    schema: profile,
    kind: 'action',
    tell: (request) => `heap profile of ${workerNamed(request.id)} for ${formatDuration(request.for)}`,
    needs: 'the cluster: start with --workers',
  }),
  route({
    name: 'drainEndpoint',
    path: '/endpoints/drain',
    schema: endpoint,
    kind: 'upstream',
    tell: ({ upstream, endpoint, drained }) => `${drained ? 'drain' : 'use'} ${endpoint} of ${upstream}`,
    needs: 'upstreams',
  }),
  route({
    name: 'setShedLevel',
    path: '/shed/level',
    schema: shedLevel,
    kind: 'action',
    tell: (request) =>
      request.level === 0 ? 'shed by itself' : `shed at level ${request.level} for ${formatDuration(request.for)}`,
    needs: 'shedding',
  }),
  route({
    name: 'peekLimits',
    path: '/limits/peek',
    schema: limits,
    tell: ({ key, route: on }) => `look at the limits of ${key}${on === undefined ? '' : ` on ${on}`}`,
    needs: 'limits',
  }),
  route({
    name: 'resetLimits',
    path: '/limits/reset',
    schema: limits,
    kind: 'action',
    tell: ({ key, route: on }) => `reset the limits of ${key}${on === undefined ? '' : ` on ${on}`}`,
    needs: 'limits',
  }),
  route({
    name: 'silenceAlert',
    path: '/alerts/silence',
    schema: silence,
    kind: 'alert',
    tell: (request) =>
      `silence ${request.alert} for ${formatDuration(request.for)}${request.reason ? `: ${request.reason}` : ''}`,
    needs: 'alerts',
  }),
];

/** The action a path names, with what its `:id` stands for. */
export function actionAt(path: string): { readonly route: ActionRoute; readonly id: string | undefined } | undefined {
  for (const route of ACTION_ROUTES) {
    const [before, after] = route.path.split(':id') as [string, string | undefined];
    if (after === undefined) {
      if (path === route.path) return { route, id: undefined };
    } else if (path.startsWith(before) && path.endsWith(after)) {
      const id = path.slice(before.length, path.length - after.length);
      if (id !== '' && !id.includes('/')) return { route, id: decodeURIComponent(id) };
    }
  }
  return undefined;
}

function tellPurge(request: PurgeRequest): string {
  const what = request.all ? 'everything' : list([...request.tags.map((tag) => `tag ${tag}`), ...request.paths]);
  return `${request.soft ? 'soft purge' : 'purge'} ${what}`;
}

function list(names: readonly string[]): string {
  return names.length <= 3 ? names.join(', ') : `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`;
}
