import { z } from 'zod';
import { accessLogSection } from './sections/access-log.ts';
import { adminSection } from './sections/admin.ts';
import { alertsSection } from './sections/alerts.ts';
import { batchSection } from './sections/batch.ts';
import { cachesSection } from './sections/caches.ts';
import { classesSection } from './sections/classes.ts';
import { healthSection } from './sections/health.ts';
import { historySection } from './sections/history.ts';
import { limitsSection } from './sections/limits.ts';
import { listenSection } from './sections/listen.ts';
import { otlpSection } from './sections/otlp.ts';
import { pagesSection } from './sections/pages.ts';
import { compressionSection, shutdownSection, trustedProxiesSection, workersSection } from './sections/process.ts';
import { routePlanSection, routesSection } from './sections/routes.ts';
import { securityHeadersSection } from './sections/security-headers.ts';
import { shedSection } from './sections/shed.ts';
import { sloSection } from './sections/slo.ts';
import { databaseSection, redisSection } from './sections/stores.ts';
import { tiersSection } from './sections/tiers.ts';
import { tracingSection } from './sections/tracing.ts';
import { upstreamsSection } from './sections/upstreams.ts';

/** The whole config file, one section a key. A room that lets users declare something adds its section here. */
export const configSchema = z.strictObject({
  listen: listenSection.prefault({}).describe('Where the site is served, and how large and slow a request may be.'),
  admin: adminSection.prefault({}).describe('Metrics, health, dashboard and control, on a port of their own.'),
  upstreams: upstreamsSection.prefault({}).describe('The services behind Spillway, by name.'),
  redis: redisSection.describe('Address of Redis, shared by all instances. Absent: everything is kept in memory.'),
  database: databaseSection.describe('Address of PostgreSQL, for what must outlive a restart. Absent: in memory.'),
  classes: classesSection.prefault({}).describe('Kinds of traffic, merged over the built-in classes of the same name.'),
  routes: routesSection.prefault({}).describe('Patterns of paths and what each deserves; the most specific one wins.'),
  pages: pagesSection.prefault({}).describe('Stored pages as a whole: what may be shared, and how they are kept new.'),
  caches: cachesSection.prefault({}).describe('Values that the application caches, by the name of the cache.'),
  routePlan: routePlanSection.describe(
    'The plan of all pages, for `spillway routes`, sitemaps and warming: a module, or a function.',
  ),
  limits: limitsSection.prefault({}).describe('What holds for the limits of every route, and what happens without Redis.'),
  shed: shedSection.prefault({}).describe('Whose work is refused first when there is too much of it.'),
  tiers: tiersSection.optional().describe('How the subscription tier of a request is known. Absent: nobody has one.'),
  batch: batchSection
    .optional()
    .describe('Several requests in one POST, each under its own limits; its path needs a route like any other. Absent: none.'),
  trustedProxies: trustedProxiesSection
    .prefault([])
    .describe('Addresses and subnets whose forwarding headers are believed: `10.0.0.0/8`, `loopback`.'),
  workers: workersSection
    .prefault(1)
    .describe('Processes that serve: a number, `auto` for one per core, or bounds to move between.'),
  accessLog: accessLogSection.optional().describe('A line for each request; absent: none.'),
  tracing: tracingSection
    .optional()
    .describe('W3C Trace Context: each request that is passed on belongs to a trace. Absent: the field is passed on as it came.'),
  securityHeaders: securityHeadersSection
    .optional()
    .describe('Fields that tell browsers to be careful, on answers that lack them: `{}` for the usual ones. Absent: none.'),
  compression: compressionSection.prefault({}).describe('Which answers are compressed, and how.'),
  shutdown: shutdownSection.prefault({}).describe('How a stop lets running requests finish.'),
  health: healthSection.prefault({}).describe('When the service is called degraded or critical.'),
  history: historySection.prefault({}).describe('What is kept of the past, and where.'),
  otlp: otlpSection.optional().describe('Where metrics are sent by OpenTelemetry. Absent: nowhere.'),
  slo: sloSection.prefault({}).describe('What the service promises, and over how long.'),
  alerts: alertsSection.prefault({}).describe('What is worth attention, and who is told.'),
});

/** What `spillway.config.ts` exports: everything is optional. */
export type SpillwayConfig = z.input<typeof configSchema>;
/** The config as it was parsed, times in ms and sizes in bytes; classes and routes not yet merged. */
export type ParsedConfig = z.output<typeof configSchema>;
/** The config with every default filled in; times in ms and sizes in bytes. Classes and routes are in the policy. */
export type ResolvedConfig = Omit<ParsedConfig, 'classes' | 'routes'>;
export type ResolvedUpstream = ResolvedConfig['upstreams'][string];
