import type { SpillwayConfig } from '../../policy/index.ts';

/** What pages deserve, in the words of `spillway.config.ts`. */
export interface AstroOptions {
  /** Merged over the built-in classes. */
  readonly classes?: SpillwayConfig['classes'];
  /** Patterns of paths with their class and tags: `'/plans/:city': { class: 'critical', tags: ['city::city'] }`. */
  readonly routes?: SpillwayConfig['routes'];
}

/** Only these two: the rest of a config is the gateway's business. */
export function policyOf({ classes, routes }: AstroOptions): SpillwayConfig {
  return { ...(classes && { classes }), ...(routes && { routes }) };
}
