import { z } from 'zod';
import { ConfigError, type Problem } from './errors.ts';
import { nearestName } from './nearest.ts';
import { formatDuration, formatSize, parseDuration, parseSize, suggestDuration, suggestSize } from './quantities.ts';

/** What the docs say of an option beside what its type does. */
export interface OptionMeta {
  readonly unit?: 'duration' | 'size' | 'count' | 'share';
  /** Bounds as users write them: `from 1s to 1h`. */
  readonly range?: string;
}

interface Bounds {
  readonly min?: string | number;
  readonly max?: string | number;
}

/** A duration such as `'250ms'` or `'15m'`, read as ms. A bare number is refused, except 0. */
export function duration(bounds: Bounds = {}) {
  return quantity(
    'duration',
    parseDuration,
    formatDuration,
    suggestDuration,
    `a duration such as '250ms', '30s' or '15m'`,
    bounds,
  );
}

/** A size such as `'64mb'`, read as bytes. A bare number is refused, except 0. */
export function size(bounds: Bounds = {}) {
  return quantity('size', parseSize, formatSize, suggestSize, `a size such as '16kb' or '64mb'`, bounds);
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
  suggest: (text: unknown) => string | undefined,
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
    .union([z.string(), z.number()], { error: ({ input }) => complaint(input, `${expected}${range}`) })
    .transform((text, context) => {
      const value = parse(text);
      if (value !== undefined && value >= min && value <= max) return value;
      const message =
        value === undefined ? complaint(text, `${expected}${range}`) : `${show(text)} is out of range${range.replace(',', ':')}`;
      context.addIssue({
        code: 'custom',
        message,
        input: text,
        params: { fix: value === undefined ? suggest(text) : undefined },
      });
      return z.NEVER;
    })
    .meta({ unit, range: range.replace(/^, /, '') });
}

/** `900 is not a duration`, or what is missing. */
function complaint(value: unknown, expected: string): string {
  return value === undefined ? `is missing; expected ${expected}` : `${show(value)} is not ${expected}`;
}

/** The value as a user would have typed it, cut to a readable length. */
export function show(value: unknown): string {
  const text = textOf(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function textOf(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'bigint') return `${value}n`;
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return 'an object'; // one that contains itself
  }
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
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(schema, issue.path);
    return issue.keys.map((key) =>
      problem([...issue.path, key], `unknown option '${key}'`, nearestFix(key, known) ?? allowedFix(known)),
    );
  }
  if (issue.code === 'invalid_union') return problemsOfUnion(schema, issue);
  if (issue.code === 'invalid_value') {
    const allowed = issue.values.map((value) => show(value));
    const expected = allowed.length === 1 ? allowed[0]! : `one of ${allowed.join(', ')}`;
    const fix = typeof issue.input === 'string' ? nearestFix(issue.input, issue.values.map(String)) : undefined;
    return [problem(issue.path, complaint(issue.input, expected), fix)];
  }
  if (issue.code === 'custom') return [problem(issue.path, issue.message, issue.params?.['fix'] as string | undefined)];
  return [problem(issue.path, sentenceOf(issue), mendingOf(issue))];
}

/**
 * Of a union the branch speaks that takes this kind of value: `{ ulr: … }` where an address or an object may stand is
 * told of `ulr`, not that it is no string. Where none does, all of them say what they expect.
 */
function problemsOfUnion(schema: z.ZodType, issue: z.core.$ZodIssueInvalidUnion): Problem[] {
  if (issue.message !== 'Invalid input') return [problem(issue.path, issue.message)];
  const ofThisKind = issue.errors.find((issues) => !issues.some(isWrongKind));
  if (ofThisKind)
    return ofThisKind.flatMap((inner) => problemsOfIssue(schema, { ...inner, path: [...issue.path, ...inner.path] }));
  const expected = new Set(issue.errors.map((issues) => expectationOf(issues.find(isWrongKind)!)));
  return [problem(issue.path, complaint(issue.input, EITHER.format(expected)))];
}

const EITHER = new Intl.ListFormat('en', { type: 'disjunction' });

function isWrongKind(issue: z.core.$ZodIssue): boolean {
  return issue.path.length === 0 && (issue.code === 'invalid_type' || issue.code === 'invalid_value');
}

function expectationOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_value') return issue.values.map((value) => show(value)).join(', ');
  if (issue.code === 'invalid_type') return KINDS[issue.expected] ?? issue.expected;
  return issue.message;
}

const KINDS: Record<string, string> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  function: 'a function',
};

/** zod's complaint in our words, unless the schema brought words of its own. */
function sentenceOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type' && issue.message.startsWith('Invalid input'))
    return complaint(issue.input, expectationOf(issue));
  if (issue.code === 'too_small' && issue.message.startsWith('Too small'))
    return `${show(issue.input)} is too ${smallWord(issue.origin)}; at least ${issue.minimum}${unitOf(issue.origin)}`;
  if (issue.code === 'too_big' && issue.message.startsWith('Too big'))
    return `${show(issue.input)} is too ${largeWord(issue.origin)}; at most ${issue.maximum}${unitOf(issue.origin)}`;
  return issue.input === undefined ? `is missing; ${issue.message}` : `${show(issue.input)}: ${issue.message}`;
}

/** The same value as the kind that was expected, where that is plain. */
function mendingOf(issue: z.core.$ZodIssue): string | undefined {
  if (issue.code !== 'invalid_type') return undefined;
  const { expected, input } = issue;
  if (expected === 'number' && typeof input === 'string' && /^\d+$/.test(input)) return `write ${input}, without quotes`;
  if (expected === 'array' && input !== undefined && input !== null) return `write it in brackets: [${show(input)}]`;
  return undefined;
}

function smallWord(origin: string): string {
  return origin === 'string' || origin === 'array' ? 'short' : 'small';
}

function largeWord(origin: string): string {
  return origin === 'string' || origin === 'array' ? 'long' : 'large';
}

function unitOf(origin: string): string {
  return origin === 'string' ? ' characters' : origin === 'array' ? ' items' : '';
}

function problem(keys: readonly PropertyKey[], message: string, fix?: string): Problem {
  return fix === undefined ? { path: formatPath(keys), keys, message } : { path: formatPath(keys), keys, message, fix };
}

function nearestFix(word: string, known: readonly string[]): string | undefined {
  const near = nearestName(word, known);
  return near && `did you mean '${near}'?`;
}

function allowedFix(known: readonly string[]): string | undefined {
  return known.length > 0 ? `allowed: ${known.join(', ')}` : undefined;
}

/** `['routes', '/api/**', 'limit', 0]` → `routes['/api/**'].limit[0]`. */
export function formatPath(path: readonly PropertyKey[]): string {
  let text = '';
  for (const key of path) {
    if (typeof key === 'number') text += `[${key}]`;
    else if (/^[A-Za-z_$][\w$]*$/.test(String(key))) text += text === '' ? String(key) : `.${String(key)}`;
    else text += `['${String(key).replaceAll("'", `\\'`)}']`;
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
