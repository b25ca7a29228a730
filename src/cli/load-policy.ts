import { SpillwayError } from '../kernel/index.ts';
import { createPolicy, loadConfig, type LoadedConfig, type Policy, type PolicyFlags } from '../policy/index.ts';
import type { CliContext } from './context.ts';

export interface CliPolicy {
  readonly policy: Policy;
  /** undefined: there is no config file, and the flags say all there is. */
  readonly loaded: LoadedConfig | undefined;
}

/**
 * The policy that a command works with: the config named or found, with the flags over it.
 * @throws SpillwayError, ConfigError: see `loadConfig` and `createPolicy`.
 */
export async function loadPolicy(context: CliContext, file: string | undefined, flags: PolicyFlags = {}): Promise<CliPolicy> {
  const loaded = await loadConfig(context.cwd, file);
  if (!loaded && flags.origin === undefined)
    throw new SpillwayError(
      'SPILLWAY_CONFIG_NOT_FOUND',
      `There is no spillway.config.ts in ${context.cwd}.\n  Write one, name one with --config, or stand before a service with --origin http://127.0.0.1:3000.`,
    );
  const where = loaded ? { file: loaded.file, sourceLines: loaded.sourceLines } : { file: 'command line' };
  return { policy: createPolicy(loaded?.config ?? {}, { ...where, flags }), loaded };
}
