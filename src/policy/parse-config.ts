import type { z } from 'zod';
import { problemsOf, type Problem } from '../kernel/index.ts';
import { configSchema, type ParsedConfig } from './schema.ts';

export interface ParsedWithProblems {
  /** What is left when everything that is wrong by itself is left out: the ground for checks across the config. */
  readonly parsed: ParsedConfig;
  readonly problems: readonly Problem[];
}

/** Parses a config, and goes on past what is wrong, so that all problems can be told at once. */
export function parseConfig(declared: unknown): ParsedWithProblems {
  const problems: Problem[] = [];
  let rest = declared;
  for (;;) {
    const result = configSchema.safeParse(rest, { reportInput: true });
    if (result.success) return { parsed: result.data, problems };
    // What comes up in later rounds was brought about by leaving something out.
    if (rest === declared) problems.push(...problemsOf(configSchema, result.error));
    rest = withoutFaults(rest === declared ? copyOf(rest) : rest, result.error.issues);
  }
}

function withoutFaults(value: unknown, issues: readonly z.core.$ZodIssue[]): unknown {
  let rest = value;
  for (const issue of issues) {
    const paths = issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [issue.path];
    for (const path of paths) rest = without(rest, path);
  }
  return rest;
}

/** `value` without what lies at `path`; when there is nothing, something is missing, and its owner goes. */
function without(value: unknown, path: readonly PropertyKey[]): unknown {
  if (path.length === 0) return {};
  const owner = path.slice(0, -1).reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], value);
  const key = path.at(-1)!;
  if (typeof owner !== 'object' || owner === null) return value;
  if ((owner as Record<PropertyKey, unknown>)[key] === undefined) return without(value, path.slice(0, -1));
  // A list goes as a whole: without one item, the places of the others would be told wrong.
  if (Array.isArray(owner)) return without(value, path.slice(0, -1));
  delete (owner as Record<PropertyKey, unknown>)[key];
  return value;
}

function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, copyOf(child)]));
}
