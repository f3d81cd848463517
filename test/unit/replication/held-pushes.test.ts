/** Held pushes come out in order, whatever order they came in, and never take more room than they may. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HeldPushes } from '../../../src/replication/held-pushes.ts';

function push(sequence: number, size = 8) {
  const origin = '00000000000000bb';
  const writeId = new Uint8Array(16);
  const entry = { origin, sequence, hlc: sequence, epoch: 1, writeId, frame: new Uint8Array(size) };
  return { from: 'b', entry };
}

function drain(held: HeldPushes, have: number): number[] {
  const taken: number[] = [];
  for (;;) {
    const next = held.takeNext('00000000000000bb', have + taken.length);
    if (next === undefined) return taken;
    taken.push(next.entry.sequence);
  }
}

test('what follows without a gap comes out, what lies before it is dropped', async () => {
  const sequences = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 60 });
  await fc.assert(
    fc.property(sequences, fc.nat(40), (all, have) => {
      const held = new HeldPushes();
      for (const sequence of all) held.add(push(sequence));
      const expected: number[] = [];
      for (let next = have + 1; all.includes(next); next++) expected.push(next);
      expect(drain(held, have)).toEqual(expected);
      const rest = all.filter((sequence) => sequence > have + expected.length);
      expect(held.origins).toHaveLength(rest.length > 0 ? 1 : 0);
    }),
  );
});

test('there is room for so many, and so many bytes', () => {
  const held = new HeldPushes();
  for (let sequence = 2; sequence < 1_000; sequence++) held.add(push(sequence));
  expect(drain(held, 1)).toHaveLength(256);
  for (let sequence = 2; sequence < 20; sequence++) held.add(push(sequence, 1024 * 1024));
  expect(drain(held, 1)).toHaveLength(4);
  expect(held.origins).toEqual([]);
});
