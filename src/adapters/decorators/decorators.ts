import type { Cache, LoadOptions } from '../../cache/index.ts';

type Method = (this: unknown, ...args: never[]) => unknown;

/** What a decorator of methods is called with: by the standard, or by TypeScript's `experimentalDecorators`. */
export type MethodDecorator = {
  <Decorated extends Method>(method: Decorated, context: ClassMethodDecoratorContext): Decorated;
  (target: object, name: string | symbol, descriptor: PropertyDescriptor): PropertyDescriptor;
};

export interface CacheableOptions extends LoadOptions {
  /** The cache, or how to find it when the method is called (`(self) => self.cache`). */
  readonly cache: CacheOrFinder;
  /** The key for these arguments; by default the class, the method and the arguments as JSON. */
  readonly key?: (...args: never[]) => string;
  /** Tags for these arguments, beside `tags`. */
  readonly tagsOf?: (...args: never[]) => readonly string[];
}

export interface CacheInvalidateOptions {
  readonly cache: CacheOrFinder;
  /** Keys to delete. */
  readonly keys?: (...args: never[]) => readonly string[];
  /** Tags to invalidate. */
  readonly tags?: readonly string[] | ((...args: never[]) => readonly string[]);
  /** Glob patterns to delete. Tags are the quicker way. */
  readonly patterns?: (...args: never[]) => readonly string[];
}

type CacheOrFinder = Cache | ((self: never) => Cache);

/** Caches what a method returns. Works with standard decorators and with TypeScript's legacy ones. */
export function Cacheable({ cache, key, tagsOf, ...load }: CacheableOptions): MethodDecorator {
  return decorate((method, name) => {
    return async function cached(this: unknown, ...args: never[]): Promise<unknown> {
      const className = (this as object | undefined)?.constructor?.name ?? 'function';
      const wholeKey = key ? key(...args) : `${className}.${name}:${JSON.stringify(args)}`;
      const tags = [...(load.tags ?? []), ...(tagsOf?.(...args) ?? [])];
      return find(cache, this).getOrSet(wholeKey, () => method.apply(this, args), { ...load, tags });
    };
  });
}

/** Invalidates after a method has succeeded; its result waits until that is done. */
export function CacheInvalidate({ cache, keys, tags, patterns }: CacheInvalidateOptions): MethodDecorator {
  return decorate((method) => {
    return async function invalidating(this: unknown, ...args: never[]): Promise<unknown> {
      const result = await method.apply(this, args);
      const target = find(cache, this);
      await Promise.all([
        keys && target.deleteMany(keys(...args)),
        tags && target.invalidateTags(typeof tags === 'function' ? tags(...args) : tags),
        ...(patterns?.(...args) ?? []).map((pattern) => target.deletePattern(pattern)),
      ]);
      return result;
    };
  });
}

function find(cache: CacheOrFinder, self: unknown): Cache {
  return typeof cache === 'function' ? cache(self as never) : cache;
}

/** One decorator for both kinds: the standard passes a context object, the legacy one a name and a descriptor. */
function decorate(wrap: (method: Method, name: string) => Method): MethodDecorator {
  return ((target: Method, context: ClassMethodDecoratorContext | string | symbol, descriptor?: PropertyDescriptor) => {
    if (descriptor === undefined) return wrap(target, String((context as ClassMethodDecoratorContext).name));
    return { ...descriptor, value: wrap(descriptor.value as Method, String(context)) };
  }) as MethodDecorator;
}
