/**
 * Goal: a builder of lists gives what was put in, whatever it hands over without a copy. Method: random adds and takes
 * beside plain arrays; lists that were taken are looked at again at the end, after the builder has been filled anew.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ByteList, ByteListBuilder, itemOf, listOf } from '../../../src/model/key-list.ts';

const item = fc.uint8Array({ maxLength: 70 });
const step = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), items: fc.array(item, { maxLength: 6 }) }),
  fc.record({
    kind: fc.constant('add a part' as const),
    items: fc.array(item, { maxLength: 12 }),
    from: fc.nat(12),
    count: fc.nat(12),
  }),
  fc.record({ kind: fc.constant('take' as const) }),
);

function itemsOf(list: ByteList): number[][] {
  return Array.from(list.ends, (_, i) => [...itemOf(list, i)]);
}

test('lists are what was added, also after later ones', () => {
  fc.assert(
    fc.property(fc.nat(200), fc.nat(8), fc.array(step), (byteCapacity, itemCapacity, steps) => {
      const builder = new ByteListBuilder(byteCapacity, itemCapacity);
      const taken: ByteList[] = [];
      const expected: number[][][] = [];
      let current: number[][] = [];
      for (const one of steps) {
        if (one.kind === 'take') {
          taken.push(builder.take());
          expected.push(current);
          current = [];
          continue;
        }
        if (one.kind === 'add') for (const bytes of one.items) builder.add(bytes);
        const until =
          one.kind === 'add' ? one.items.length : Math.min(one.from + one.count, one.items.length);
        const from = one.kind === 'add' ? 0 : Math.min(one.from, until);
        if (one.kind === 'add a part') builder.addItems(listOf(one.items), from, until);
        current.push(...one.items.slice(from, until).map((bytes) => [...bytes]));
        expect(builder.count).toBe(current.length);
      }
      expect(taken.map(itemsOf)).toEqual(expected);
      expect(itemsOf(builder.take())).toEqual(current);
    }),
  );
});

test('a list that nearly fills the builder is no copy, another one has no room to spare', () => {
  const builder = new ByteListBuilder(100, 4);
  builder.add(new Uint8Array(80));
  expect(builder.take().bytes.buffer.byteLength).toBe(100);
  builder.add(new Uint8Array(10));
  expect(builder.take().bytes.buffer.byteLength).toBe(10);
});
