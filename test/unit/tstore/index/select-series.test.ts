/** Series found through inverted lists and per value are those that the condition passes one by one. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeText } from '../../../../src/base/text.ts';
import type { RowExpr } from '../../../../src/model/plan.ts';
import {
  decodeSeriesKey,
  encodeSeriesKey,
  type SeriesName,
} from '../../../../src/model/series-key.ts';
import { compileTagCondition } from '../../../../src/scan/tag-condition.ts';
import { ByteArena } from '../../../../src/tstore/index/byte-arena.ts';
import { DatabaseIndex } from '../../../../src/tstore/index/database-index.ts';
import { noSlot } from '../../../../src/tstore/index/measurement-index.ts';
import { selectSlots } from '../../../../src/tstore/index/select-series.ts';
import { TagColumn } from '../../../../src/tstore/index/tag-column.ts';

const keys = ['a', 'b', 'c'];
const values = ['x', 'y', 'z', ''];
const comparison: fc.Arbitrary<RowExpr> = fc
  .tuple(fc.constantFrom(...keys), fc.constantFrom(...values), fc.nat({ max: 4 }))
  .map(([name, value, kind]) => {
    const tag: RowExpr = { kind: 'tag', name };
    const text: RowExpr = { kind: 'string', value };
    if (kind === 0) return { kind: 'binary', op: '=', left: text, right: tag };
    if (kind === 1) return { kind: 'binary', op: '!=', left: tag, right: text };
    if (kind === 4) {
      const list: RowExpr = { kind: 'regex', pattern: `^(${value || 'none'}|y)$` };
      return { kind: 'binary', op: '=~', left: tag, right: list };
    }
    const regex: RowExpr = { kind: 'regex', pattern: value === '' ? '^$' : `[${value}y]` };
    if (kind === 2) return { kind: 'binary', op: '=~', left: tag, right: regex };
    return { kind: 'binary', op: '=', left: tag, right: text };
  });
const condition = fc.letrec<{ expr: RowExpr }>((tie) => ({
  expr: fc.oneof(
    { maxDepth: 3 },
    comparison,
    fc
      .tuple(fc.constantFrom('and' as const, 'or' as const), tie('expr'), tie('expr'))
      .map(([op, left, right]): RowExpr => ({ kind: 'binary', op, left, right })),
  ),
})).expr;

const seriesOf: fc.Arbitrary<SeriesName> = fc
  .tuple(...keys.map(() => fc.constantFrom('x', 'y', 'z', undefined)))
  .map((picked) => ({
    measurement: 'm',
    tags: keys.flatMap((key, i): [string, string][] => {
      const value = picked[i];
      return value === undefined ? [] : [[key, value]];
    }),
  }));

function passingSlots(index: DatabaseIndex, where: RowExpr): number[] {
  const passes = compileTagCondition(where);
  const measurement = index.measurements.get('m')!;
  return [...measurement.slots.view()].filter((slot) => {
    return slot !== 0xffffffff && passes(decodeSeriesKey(index.keyOf(slot)));
  });
}

test('what the index selects and the condition passes is what the condition passes', async () => {
  const input = fc.tuple(fc.array(seriesOf, { minLength: 1, maxLength: 60 }), condition, fc.nat());
  await fc.assert(
    fc.property(input, ([names, where, gone]) => {
      const index = new DatabaseIndex('aa');
      for (const name of names) index.findOrAdd(encodeSeriesKey(name));
      index.remove(gone % index.slotCount);
      const passes = compileTagCondition(where);
      const slots = [...selectSlots(index.measurements.get('m')!, where)];
      const selected = slots
        .filter((slot) => slot !== noSlot)
        .filter((slot) => passes(decodeSeriesKey(index.keyOf(slot))));
      expect(selected).toEqual(passingSlots(index, where));
    }),
  );
});

test('inverted lists hold every series with the value, listed or in the tail', () => {
  const column = new TagColumn('k', new ByteArena());
  for (let i = 0; i < 5000; i++) column.set(i, encodeText(`v${i % 7}`));
  const code = column.codeOfValue(encodeText('v3'));
  const expected = Array.from({ length: 5000 }, (_, i) => i).filter((i) => i % 7 === 3);
  expect([...column.ordinalsOf(new Set([code]))]).toEqual(expected);
  column.set(5000, encodeText('v3'));
  column.set(5001, encodeText('new'));
  expect([...column.ordinalsOf(new Set([code]))]).toEqual([...expected, 5000]);
  const newCode = column.codeOfValue(encodeText('new'));
  expect([...column.ordinalsOf(new Set([newCode]))]).toEqual([5001]);
  expect([...column.ordinalsOf(new Set([newCode, code]))]).toEqual([...expected, 5000, 5001]);
  expect(column.valueOf(column.codeOf(5001))).toBe('new');
});

test('ids lead back to series until those leave', () => {
  const index = new DatabaseIndex('aa');
  const slots = ['b', 'a', 'c'].map((value) =>
    index.findOrAdd(encodeSeriesKey({ measurement: 'm', tags: [['k', value]] })),
  );
  index.giveId(slots[1]!, 5, 1);
  index.giveId(slots[0]!, 9, 1);
  expect([index.slotOfId(5), index.slotOfId(9), index.slotOfId(6)]).toEqual([1, 0, -1]);
  index.remove(slots[1]!);
  expect(index.slotOfId(5)).toBe(-1);
  expect(index.liveCount).toBe(2);
  // Back again, it is another series to the index: its old id stays dead.
  const again = index.findOrAdd(encodeSeriesKey({ measurement: 'm', tags: [['k', 'a']] }));
  expect(again).toBe(3);
  expect(index.slotOfId(5)).toBe(-1);
});
