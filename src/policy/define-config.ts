import type { SpillwayConfig } from './schema.ts';

/** Returns `config` as it is: it is there for the types, so that an editor completes and checks a config file. */
export function defineConfig(config: SpillwayConfig): SpillwayConfig {
  return config;
}
