import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Fences } from './fences.ts';

const KEYS = ['a:1', 'a:2', 'b:1', 'b:2'];

test('a lookout sees what an open fence of each key sees', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('open' as const) }),
    fc.record({ kind: fc.constantFrom('strike' as const, 'hint' as const), key: fc.constantFrom(...KEYS) }),
    fc.record({ kind: fc.constant('where' as const), start: fc.constantFrom('a', 'b', 'x') }),
    fc.record({ kind: fc.constant('ask' as const) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const fences = new Fences();
      const works: { lookout: ReturnType<Fences['lookOut']>; fences: ReturnType<Fences['open']>[] }[] = [];
      const compare = (): void => {
        for (const { lookout, fences: open } of works) {
          for (const fence of open) assert.equal(lookout.isStruck(fence.key), fence.struck, fence.key);
          assert.equal(lookout.isStruck('none'), false);
        }
      };
      for (const each of steps) {
        if (each.kind === 'open') works.push({ lookout: fences.lookOut(), fences: KEYS.map((key) => fences.open(key)) });
        else if (each.kind === 'where') fences.strikeWhere((key) => key.startsWith(each.start));
        else if (each.kind === 'ask') compare();
        else fences[each.kind](each.key);
      }
      compare();
    }),
  );
});
