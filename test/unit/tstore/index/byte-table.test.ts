/** The dictionary of byte strings behaves as a map whose numbers are given in order and never twice. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteArena } from '../../../../src/tstore/index/byte-arena.ts';
import { ByteTable } from '../../../../src/tstore/index/byte-table.ts';

const keyOf = fc.uint8Array({ maxLength: 3, max: 2 });

test('find, add and remove agree with a map', async () => {
  const step = fc.record({ key: keyOf, remove: fc.boolean() });
  await fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const table = new ByteTable(new ByteArena());
      const model = new Map<string, number>();
      let next = 0;
      for (const { key, remove } of steps) {
        const text = key.join();
        const known = model.get(text);
        expect(table.find(key)).toBe(known ?? -1);
        if (remove && known !== undefined) {
          table.remove(known);
          model.delete(text);
        } else if (!remove) {
          expect(table.findOrAdd(key)).toBe(known ?? next);
          if (known === undefined) model.set(text, next++);
        }
      }
      for (const [text, entry] of model) expect(table.bytesOf(entry).join()).toBe(text);
    }),
  );
});

test('strings of all sizes survive growth over many blocks', () => {
  const arena = new ByteArena();
  const table = new ByteTable(arena);
  const keys = Array.from({ length: 300 }, (_, i) => new Uint8Array(i * 37).fill(i % 256));
  for (const [i, key] of keys.entries()) {
    key[0] = i % 256;
    expect(table.add(Uint8Array.of(i >> 8, i & 255, ...key))).toBe(i);
  }
  for (const [i, key] of keys.entries()) {
    expect(table.find(Uint8Array.of(i >> 8, i & 255, ...key))).toBe(i);
  }
  expect(arena.memoryBytes).toBeGreaterThan(1024 * 1024);
});
