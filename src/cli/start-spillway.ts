import type { Policy, PolicyFlags } from '../policy/index.ts';

export interface StartOptions {
  /** Absolute path of the config file, for workers that load it themselves; undefined: there is none. */
  readonly configPath: string | undefined;
  readonly flags: PolicyFlags;
}

/** Spillway as it serves. */
export interface Running {
  readonly siteUrl: string;
  readonly adminUrl: string;
  /** Drains, then closes. */
  stop(): Promise<void>;
}

/** Wires every room and starts to serve. */
export type StartSpillway = (policy: Policy, options: StartOptions) => Promise<Running>;
