import type { ErrorCode } from '../kernel/index.ts';

/** What the exit code of `spillway` says, after sysexits.h where that has a word for it. docs/reference/cli.md lists them. */
export const EXIT_CODES = {
  ok: { code: 0, means: 'Done.' },
  failed: { code: 1, means: 'What was asked for was tried and failed, or `doctor` found problems.' },
  usage: { code: 2, means: 'The command line is wrong: an unknown command or option, or a missing argument.' },
  unavailable: { code: 69, means: 'Spillway, or something it needs, could not be reached.' },
  internal: { code: 70, means: 'A defect in Spillway. Please report it with the output.' },
  portInUse: { code: 73, means: 'A port to listen on is taken, or may not be used.' },
  denied: { code: 77, means: 'The admin listener refused the token, or asked for one.' },
  config: { code: 78, means: 'The config file is missing or wrong. Every problem is listed.' },
  runInvalid: { code: 97, means: 'A load run is not valid: the generator itself fell behind, so its figures mean nothing.' },
  regression: { code: 98, means: 'A load run is worse than the baseline it was compared with.' },
  threshold: { code: 99, means: 'A load run missed one of its thresholds.' },
  interrupted: { code: 130, means: 'Stopped by Ctrl-C before it was done.' },
} as const;

export type ExitName = keyof typeof EXIT_CODES;

const EXIT_OF_ERROR: Partial<Record<ErrorCode, ExitName>> = {
  SPILLWAY_CONFIG_INVALID: 'config',
  SPILLWAY_CONFIG_NOT_FOUND: 'config',
  SPILLWAY_NO_ROUTE_PLAN: 'config',
  SPILLWAY_USAGE: 'usage',
  SPILLWAY_UNREACHABLE: 'unavailable',
  SPILLWAY_DENIED: 'denied',
  SPILLWAY_TIMEOUT: 'unavailable',
  SPILLWAY_STORE_UNAVAILABLE: 'unavailable',
  SPILLWAY_LISTEN_FAILED: 'portInUse',
};

/** How the process ends after an error with this code. */
export function exitOfError(code: ErrorCode): ExitName {
  return EXIT_OF_ERROR[code] ?? 'failed';
}
