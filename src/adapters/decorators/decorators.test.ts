import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCache } from '../../cache/index.ts';
import { Cacheable, CacheInvalidate } from './index.ts';

const cache = createCache();

class Users {
  calls = 0;
  readonly names = new Map([[1, 'ada']]);

  async find(id: number): Promise<string | null> {
    this.calls++;
    return this.names.get(id) ?? null;
  }

  async rename(id: number, name: string): Promise<number> {
    this.names.set(id, name);
    return id;
  }
}

const cacheable = Cacheable({ cache, tagsOf: ((id: number) => [`user:${id}`]) as (...args: never[]) => string[], ttl: '1m' });
const invalidate = CacheInvalidate({
  cache: () => cache,
  tags: ((id: number) => [`user:${id}`]) as (...args: never[]) => string[],
});

/** As compilers apply standard decorators: the method and a context go in, a method comes out. */
function standard(): Users {
  class Decorated extends Users {}
  const context = (name: string) => ({ kind: 'method', name }) as ClassMethodDecoratorContext;
  const { find, rename } = Users.prototype;
  Object.assign(Decorated.prototype, {
    find: cacheable(find as never, context('find')),
    rename: invalidate(rename as never, context('rename')),
  });
  return new Decorated();
}

/** As TypeScript applies legacy decorators: prototype, name and descriptor go in, a descriptor comes out. */
function legacy(): Users {
  class Legacy extends Users {}
  for (const [name, decorator] of [
    ['find', cacheable],
    ['rename', invalidate],
  ] as const) {
    const descriptor = Object.getOwnPropertyDescriptor(Users.prototype, name)!;
    Object.defineProperty(Legacy.prototype, name, decorator(Legacy.prototype, name, descriptor));
  }
  return new Legacy();
}

for (const [kind, make] of Object.entries({ standard, legacy })) {
  test(`${kind} decorators cache and invalidate`, async () => {
    const users = make();
    assert.equal(await users.find(1), 'ada');
    assert.equal(await users.find(1), 'ada');
    assert.equal(users.calls, 1);
    assert.equal(await users.find(2), null, 'null is a value');
    assert.equal(await users.rename(1, 'grace'), 1);
    assert.equal(await users.find(1), 'grace');
    assert.equal(users.calls, 3);
  });
}
