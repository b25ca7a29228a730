import { z } from 'zod';
import type { OptionMeta } from '../../src/kernel/index.ts';

/** One option of a schema, with what its reference says. */
export interface DocumentedOption {
  /** `listen.port`, `classes.<name>.grace`, `endpoints[].weight`. */
  readonly path: string;
  readonly description: string;
  readonly type: string;
  /** As a user would write it; undefined: it must be given, or may be absent. */
  readonly default: string | undefined;
  readonly isRequired: boolean;
}

/** Every option of a schema, an object before its members. */
export function optionsOf(schema: z.ZodType, path = ''): DocumentedOption[] {
  const { inner } = look(schema);
  if (inner instanceof z.ZodObject)
    return Object.entries(inner.shape as Record<string, z.ZodType>).flatMap(([key, child]) => {
      const childPath = path === '' ? key : `${path}.${key}`;
      return [documented(child, childPath), ...optionsOf(child, childPath)];
    });
  if (inner instanceof z.ZodRecord) return optionsOf(inner.valueType as z.ZodType, `${path}.<name>`);
  if (inner instanceof z.ZodArray) return optionsOf(inner.element as z.ZodType, `${path}[]`);
  if (inner instanceof z.ZodUnion) return (inner.options as z.ZodType[]).flatMap((option) => optionsOf(option, path));
  return [];
}

function documented(schema: z.ZodType, path: string): DocumentedOption {
  const { description, isOptional, fallback } = look(schema);
  return {
    path,
    description: description ?? '',
    type: typeText(schema),
    default: defaultText(fallback),
    isRequired: !isOptional && fallback === undefined,
  };
}

/** A default that is a function, or an object of defaults, says nothing that the text does not. */
function defaultText(value: unknown): string | undefined {
  if (value === undefined || typeof value === 'function' || isEmptyObject(value)) return undefined;
  return JSON.stringify(value).replaceAll('"', "'");
}

function isEmptyObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;
}

interface Look {
  readonly inner: z.ZodType;
  readonly description: string | undefined;
  readonly meta: OptionMeta;
  readonly isOptional: boolean;
  readonly fallback: unknown;
}

/** Looks through the layers around a type, and gathers what they say. The outermost says it best. */
function look(schema: z.ZodType): Look {
  let description: string | undefined;
  let meta: OptionMeta = {};
  let isOptional = false;
  let fallback: unknown;
  for (let at = schema; ;) {
    description ??= at.description;
    meta = { ...(at.meta() as OptionMeta | undefined), ...meta };
    if (at instanceof z.ZodOptional || at instanceof z.ZodNullable) {
      isOptional = true;
      at = at.unwrap() as z.ZodType;
    } else if (at instanceof z.ZodDefault || at instanceof z.ZodPrefault) {
      fallback ??= at.def.defaultValue;
      at = at.unwrap() as z.ZodType;
    } else if (at instanceof z.ZodReadonly) at = at.unwrap() as z.ZodType;
    else if (at instanceof z.ZodPipe) at = at.in as z.ZodType;
    else return { inner: at, description, meta, isOptional, fallback };
  }
}

function typeText(schema: z.ZodType): string {
  const { inner, meta } = look(schema);
  if (meta.unit === 'duration' || meta.unit === 'size') return `${meta.unit}${meta.range ? ` ${meta.range}` : ''}`;
  if (meta.unit === 'share') return 'number from 0 to 1';
  if (inner instanceof z.ZodNumber) return numberText(inner);
  if (inner instanceof z.ZodString || inner instanceof z.ZodStringFormat) return 'text';
  if (inner instanceof z.ZodBoolean) return 'true or false';
  if (inner instanceof z.ZodEnum) return inner.options.map((option) => `'${String(option)}'`).join(', ');
  if (inner instanceof z.ZodLiteral)
    return [...inner.values].map((value) => JSON.stringify(value).replaceAll('"', "'")).join(', ');
  if (inner instanceof z.ZodArray) return `list of ${typeText(inner.element as z.ZodType)}`;
  if (inner instanceof z.ZodRecord) return 'object by name';
  if (inner instanceof z.ZodObject) return 'object';
  if (inner instanceof z.ZodUnion) return (inner.options as z.ZodType[]).map(typeText).join(' or ');
  if (inner instanceof z.ZodCustom) return 'function or object';
  return 'any value';
}

function numberText(schema: z.ZodNumber): string {
  const kind = schema.isInt ? 'whole number' : 'number';
  const [min, max] = [schema.minValue, schema.maxValue].map((bound) =>
    bound === null || Math.abs(bound) >= Number.MAX_SAFE_INTEGER ? undefined : bound.toLocaleString('en'),
  );
  if (min !== undefined && max !== undefined) return `${kind} from ${min} to ${max}`;
  return min === undefined ? kind : `${kind}, at least ${min}`;
}
