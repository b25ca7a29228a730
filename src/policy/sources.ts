import { formatPath } from '../kernel/index.ts';
import type { SourceLines } from './source-lines.ts';
import type { Provenance } from './types.ts';

interface ConfigFile {
  readonly file?: string;
  readonly sourceLines?: SourceLines;
}

/** Knows of each value of the config whether it was declared, where, and whether a flag overrode it. */
export class Sources {
  readonly #declared: unknown;
  readonly #flagged: ReadonlyMap<string, string>;
  readonly #file: ConfigFile;

  constructor(declared: unknown, flagged: ReadonlyMap<string, string>, file: ConfigFile) {
    this.#declared = declared;
    this.#flagged = flagged;
    this.#file = file;
  }

  of(by: 'config' | 'class' | 'route', keys: readonly PropertyKey[]): Provenance {
    const path = formatPath(keys);
    const flag = this.#flagged.get(path);
    if (flag !== undefined) return { by: 'flag', path: flag };
    if (!this.#isDeclared(keys)) return { by: 'built-in', path };
    const { file, sourceLines } = this.#file;
    const line = sourceLines?.lineOf(keys);
    return { by, path, ...(file === undefined ? {} : { file }), ...(line === undefined ? {} : { line }) };
  }

  #isDeclared(keys: readonly PropertyKey[]): boolean {
    let at: unknown = this.#declared;
    for (const key of keys) {
      if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return false;
      at = (at as Record<PropertyKey, unknown>)[key];
    }
    return at !== undefined;
  }
}
