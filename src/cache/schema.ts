/** The part of Standard Schema v1 (https://standardschema.dev) that checks a value: zod, valibot, arktype and others have it. */
export interface StandardSchema<Output> {
  readonly '~standard': {
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
  };
}

type SchemaResult<Output> = { readonly value: Output; readonly issues?: undefined } | { readonly issues: readonly unknown[] };

/**
 * Remembers which values were checked by which schema, so that a value is checked once when it comes from the store and
 * not at every hit.
 */
export class SchemaChecks {
  readonly #checked = new WeakMap<object, unknown>();

  /**
   * What the schema makes of the holder's value: undefined when it refuses it. A schema that transforms migrates values
   * of older releases.
   */
  async apply<Value>(holder: { value: Value }, schema: StandardSchema<Value>): Promise<boolean> {
    if (this.#checked.get(holder) === schema) return true;
    const result = await schema['~standard'].validate(holder.value);
    if (result.issues) return false;
    holder.value = result.value;
    this.#checked.set(holder, schema);
    return true;
  }
}
