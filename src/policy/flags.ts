import { ConfigError } from '../kernel/index.ts';
import type { SpillwayConfig } from './schema.ts';

/** What the command line may say instead of the config. */
export interface PolicyFlags {
  /** Address of the service to stand before: the endpoint of the only upstream. */
  readonly origin?: string;
  readonly port?: number;
  readonly host?: string;
  readonly adminPort?: number;
  readonly workers?: number | 'auto';
  readonly profile?: 'safe' | 'rfc';
}

export interface FlaggedConfig {
  readonly declared: SpillwayConfig;
  /** By path in the config: the flag that decided it. */
  readonly flagged: ReadonlyMap<string, string>;
}

/** `config` as if the flags had been written into it. */
export function applyFlags(config: SpillwayConfig, flags: PolicyFlags): FlaggedConfig {
  const flagged = new Map<string, string>();
  if (typeof config !== 'object' || config === null || Array.isArray(config)) return { declared: config, flagged };
  const declared = { ...config };
  if (flags.port !== undefined) {
    declared.listen = { ...declared.listen, port: flags.port };
    flagged.set('listen.port', '--port');
  }
  if (flags.host !== undefined) {
    declared.listen = { ...declared.listen, host: flags.host };
    flagged.set('listen.host', '--host');
  }
  if (flags.adminPort !== undefined) {
    declared.admin = { ...declared.admin, port: flags.adminPort };
    flagged.set('admin.port', '--admin-port');
  }
  if (flags.workers !== undefined) {
    declared.workers = flags.workers;
    flagged.set('workers', '--workers');
  }
  if (flags.profile !== undefined) {
    declared.pages = { ...declared.pages, profile: flags.profile };
    flagged.set('pages.profile', '--profile');
  }
  if (flags.origin !== undefined) {
    const [name = 'origin', ...others] = Object.keys(declared.upstreams ?? {});
    if (others.length > 0)
      throw new ConfigError('command line', [
        {
          path: '--origin',
          message: 'the config has several upstreams',
          fix: 'change the endpoints in the config, or leave --origin out',
        },
      ]);
    declared.upstreams = { [name]: { ...declared.upstreams?.[name], endpoints: [flags.origin] } };
    flagged.set(`upstreams.${name}.endpoints`, '--origin');
  }
  return { declared, flagged };
}
