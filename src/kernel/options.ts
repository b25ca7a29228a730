import { z } from 'zod';
import { ConfigError, type Problem } from './errors.ts';
import { nearestName } from './nearest.ts';
import { formatDuration, formatSize, parseDuration, parseSize } from './quantities.ts';

/** What the docs and messages need to know of an option beside its type. */
export interface OptionMeta {
  readonly unit?: 'duration' | 'size' | 'count' | 'share';
  readonly default?: unknown;
}

interface Bounds {
  readonly min?: string | number;
  readonly max?: string | number;
}

/** A duration such as `'250ms'` or `'15m'`, read as ms. A bare number is refused, except 0. */
export function duration(bounds: Bounds = {}) {
  return quantity('duration', parseDuration, formatDuration, `a duration such as '250ms', '30s' or '15m'`, bounds);
}

/** A size such as `'64mb'`, read as bytes. A bare number is refused, except 0. */
export function size(bounds: Bounds = {}) {
  return quantity('size', parseSize, formatSize, `a size such as '16kb' or '64mb'`, bounds);
}

/** A whole number of things, from `min` (default 0) to `max`. */
export function count(min = 0, max = Number.MAX_SAFE_INTEGER) {
  return z.int().min(min).max(max).meta({ unit: 'count' });
}

/** A number from 0 to 1. */
export function share() {
  return z.number().min(0).max(1).meta({ unit: 'share' });
}

function quantity(
  unit: 'duration' | 'size',
  parse: (text: unknown) => number | undefined,
  format: (value: number) => string,
  expected: string,
  bounds: Bounds,
) {
  const min = bounds.min === undefined ? 0 : parse(bounds.min)!;
  const max = bounds.max === undefined ? Infinity : parse(bounds.max)!;
  const range =
    bounds.max === undefined
      ? bounds.min === undefined
        ? ''
        : `, at least ${format(min)}`
      : `, from ${min === 0 ? '0' : format(min)} to ${format(max)}`;
  return z
    .union([z.string(), z.number()])
    .transform((text, context) => {
      const value = parse(text);
      if (value !== undefined && value >= min && value <= max) return value;
      context.addIssue({ code: 'custom', message: `${show(text)} is not ${expected}${range}`, input: text });
      return z.NEVER;
    })
    .meta({ unit });
}

/** The value as a user would have typed it, cut to a readable length. */
export function show(value: unknown): string {
  const text = typeof value === 'function' ? 'a function' : value === undefined ? 'undefined' : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/**
 * Checks `input` against `schema`; the result is frozen all the way down.
 * @param subject what the options belong to, for the message: `createCache(options)`.
 * @throws ConfigError with every problem: path, value, what is allowed, nearest name.
 */
export function parseOptions<Schema extends z.ZodType>(schema: Schema, input: unknown, subject: string): z.output<Schema> {
  const result = schema.safeParse(input, { reportInput: true });
  if (result.success) return deepFreeze(result.data);
  throw new ConfigError(subject, problemsOf(schema, result.error));
}

/** A zod error as {@link Problem}s, with the nearest allowed name for each unknown key. */
export function problemsOf(schema: z.ZodType, error: z.ZodError): Problem[] {
  return error.issues.flatMap((issue) => problemsOfIssue(schema, issue));
}

function problemsOfIssue(schema: z.ZodType, issue: z.core.$ZodIssue): Problem[] {
  const path = formatPath(issue.path);
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(schema, issue.path);
    return issue.keys.map((key) => {
      const near = nearestName(key, known);
      return {
        path: formatPath([...issue.path, key]),
        message: `unknown option '${key}'`,
        fix: near ? `did you mean '${near}'?` : known.length > 0 ? `allowed: ${known.join(', ')}` : undefined,
      } as Problem;
    });
  }
  if (issue.code === 'invalid_union') return [{ path, message: unionMessage(issue) }];
  if (issue.code === 'invalid_value') {
    const near = typeof issue.input === 'string' ? nearestName(issue.input, issue.values.map(String)) : undefined;
    const message = `${show(issue.input)} is not one of ${issue.values.map((value) => show(value)).join(', ')}`;
    return [near ? { path, message, fix: `did you mean '${near}'?` } : { path, message }];
  }
  if (issue.code === 'custom') return [{ path, message: issue.message }];
  if (issue.input === undefined && issue.code === 'invalid_type')
    return [{ path, message: `is missing; expected ${issue.expected}` }];
  return [{ path, message: `${show(issue.input)}: ${issue.message.replace(/^Invalid input: /, '')}` }];
}

/** The branch that came closest speaks for the union: the one whose complaint lies deepest. */
function unionMessage(issue: z.core.$ZodIssueInvalidUnion): string {
  const expected = issue.errors
    .map((branch) => branch[0]?.message.replace(/^Invalid input: /, '') ?? '')
    .filter((text, at, all) => text !== '' && all.indexOf(text) === at);
  return `${show(issue.input)}: ${expected.join(', or ')}`;
}

/** `['routes', '/api/**', 'limit', 0]` → `routes['/api/**'].limit[0]`. */
export function formatPath(path: readonly PropertyKey[]): string {
  let text = '';
  for (const key of path) {
    if (typeof key === 'number') text += `[${key}]`;
    else if (/^[A-Za-z_$][\w$]*$/.test(String(key))) text += text === '' ? String(key) : `.${String(key)}`;
    else text += `['${String(key)}']`;
  }
  return text;
}

function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let candidates = objectsIn(schema);
  for (const key of path) candidates = candidates.flatMap((candidate) => step(candidate, key)).flatMap(objectsIn);
  return [...new Set(candidates.flatMap((candidate) => (candidate instanceof z.ZodObject ? Object.keys(candidate.shape) : [])))];
}

function step(schema: z.ZodType, key: PropertyKey): z.ZodType[] {
  if (schema instanceof z.ZodObject) {
    const child = (schema.shape as Record<PropertyKey, z.ZodType | undefined>)[key];
    return child ? [child] : [];
  }
  if (schema instanceof z.ZodRecord) return [schema.valueType as z.ZodType];
  if (schema instanceof z.ZodArray) return [schema.element as z.ZodType];
  return [];
}

/** Sees through optional, default, union and pipe to the schemas that have keys. */
function objectsIn(schema: z.ZodType): z.ZodType[] {
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodReadonly
  ) {
    return objectsIn(schema.unwrap() as z.ZodType);
  }
  if (schema instanceof z.ZodUnion) return (schema.options as z.ZodType[]).flatMap(objectsIn);
  if (schema instanceof z.ZodPipe) return objectsIn(schema.in as z.ZodType);
  return [schema];
}

/** Freezes plain objects and arrays all the way down; instances of classes stay as they are. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== Array.prototype && prototype !== null) return value;
  for (const child of Object.values(value)) deepFreeze(child);
  return Object.freeze(value);
}
