import type { SpillwayConfig } from './schema.ts';

type DeclaredClass = NonNullable<SpillwayConfig['classes']>[string];

/** A built-in class decides every value that nobody else has to. */
type BuiltInClass = DeclaredClass & Required<Omit<DeclaredClass, 'timeout'>>;

const PAGE = {
  cache: true,
  freshness: 'policy',
  grace: '24h',
  forceAfter: '24h',
  query: 'all',
  varyHeaders: [],
  varyCookies: [],
  immutable: false,
  limit: [],
} satisfies DeclaredClass;

/**
 * The classes that need no declaring, written as a user would. A class of the same name in the config is merged over
 * its built-in; one of a new name over `normal`.
 */
export const BUILT_IN_CLASSES = {
  critical: {
    ...PAGE,
    priority: 'critical',
    revalidate: '15m',
    memoryTtl: '5m',
    storeTtl: '2h',
    browserTtl: '1h',
    cdnTtl: '2h',
    cdnGrace: '1h',
    slo: { p95: '1s' },
  },
  high: {
    ...PAGE,
    priority: 'high',
    revalidate: '30m',
    memoryTtl: '3m',
    storeTtl: '1h',
    browserTtl: '30m',
    cdnTtl: '1h',
    cdnGrace: '30m',
    slo: { p95: '1500ms' },
  },
  normal: {
    ...PAGE,
    priority: 'normal',
    revalidate: '30m',
    memoryTtl: '1m',
    storeTtl: '30m',
    browserTtl: '15m',
    cdnTtl: '30m',
    cdnGrace: '15m',
    slo: { p95: '2s' },
  },
  low: {
    ...PAGE,
    priority: 'low',
    revalidate: '2h',
    memoryTtl: '1m',
    storeTtl: '15m',
    browserTtl: '5m',
    cdnTtl: '15m',
    cdnGrace: '15m',
    slo: { p95: '2s' },
  },
  static: {
    ...PAGE,
    priority: 'normal',
    revalidate: '24h',
    memoryTtl: '1h',
    storeTtl: '24h',
    grace: '7d',
    browserTtl: '24h',
    cdnTtl: '7d',
    cdnGrace: '24h',
    immutable: true,
    slo: { p95: '1s' },
  },
  api: {
    ...PAGE,
    priority: 'normal',
    revalidate: '5m',
    memoryTtl: '1m',
    storeTtl: '5m',
    grace: '1h',
    browserTtl: '1m',
    cdnTtl: '5m',
    cdnGrace: '1m',
    slo: { p95: '250ms' },
  },
} satisfies Record<string, BuiltInClass>;

/** Sums up each class in a line, for the reference. */
export const CLASS_PURPOSE: Record<keyof typeof BUILT_IN_CLASSES, string> = {
  critical: 'What the business lives on: landing pages, the pages of the largest cities.',
  high: 'Popular pages that may be half an hour old.',
  normal: 'Everything that is not declared otherwise.',
  low: 'The long tail: made anew every two hours, refused first.',
  static: 'Files whose name changes with their content.',
  api: 'Answers for programs that many clients share.',
};
