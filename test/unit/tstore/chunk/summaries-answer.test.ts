/**
 * Goal: an aggregate answered from the summaries of whole chunks is bit by bit the one that reading
 * the cells gives.
 * Method: one series cut into chunks, each offered by its summaries where they help, against the
 * same rows as batches.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Column, ColumnBatch } from '../../../../src/model/column.ts';
import type { AggregateSpec, ShardPlan } from '../../../../src/model/plan.ts';
import { createShardScan } from '../../../../src/scan/scan.ts';
import {
  decodeColumn,
  decodeTimes,
  encodeChunk,
  openChunk,
} from '../../../../src/tstore/chunk/chunk.ts';

const rowsPerChunk = 40;

function columnFrom(kind: string, cells: readonly number[]): Column {
  switch (kind) {
    case 'float':
      return { type: 'float', values: Float64Array.from(cells, (v) => v / 10), valid: undefined };
    case 'whole':
      return { type: 'float', values: Float64Array.from(cells), valid: undefined };
    case 'gaps':
      return {
        type: 'integer',
        values: Float64Array.from(cells),
        valid: Uint8Array.from(cells, (v, i) => (i === 0 || (v & 3) > 0 ? 1 : 0)),
      };
    case 'wide':
      return {
        type: 'integer',
        values: BigInt64Array.from(cells, (v) => BigInt(v) * 2n ** 58n + 1n),
        valid: undefined,
      };
    default:
      return { type: 'boolean', values: Uint8Array.from(cells, (v) => v & 1), valid: undefined };
  }
}

const fns = ['count', 'sum', 'mean', 'min', 'max', 'first', 'last', 'spread'] as const;

test('summaries answer what cells would', async () => {
  const cells = fc.array(fc.integer({ min: -9, max: 9 }), {
    minLength: rowsPerChunk,
    maxLength: rowsPerChunk,
  });
  const chunk = fc.tuple(fc.constantFrom('float', 'whole'), cells);
  const others = fc.tuple(
    fc.constantFrom('gaps', 'wide', 'boolean'),
    fc.array(cells, { minLength: 4, maxLength: 4 }),
  );
  const chunks = fc.oneof(
    fc.array(chunk, { minLength: 1, maxLength: 5 }),
    others.map(([kind, lists]) => lists.map((list) => [kind, list] as [string, number[]])),
  );
  let answered = 0;
  await fc.assert(
    fc.property(
      chunks,
      fc.constantFrom(0n, 400n, 900n, 37n),
      fc.constantFrom(...fns),
      (list, intervalNs, fn) => {
        const views = list.map(([kind, values], i) =>
          openChunk(
            encodeChunk({
              offsets: Float64Array.from(values, (_, row) => (i * rowsPerChunk + row) * 10),
              stableHlc: 1,
              columns: [{ field: 0, column: columnFrom(kind, values), stamps: undefined }],
              origins: [],
            }),
          ),
        );
        const type = views[0]!.columns[0]!.type;
        if (type === 'boolean' && (fn === 'sum' || fn === 'mean' || fn === 'spread')) return;
        const spec: AggregateSpec = { fn, field: 'v', type };
        const plan: ShardPlan = {
          dbId: '0',
          rpId: '0',
          measurement: 'm',
          range: { min: 0n, max: 1n << 60n },
          where: undefined,
          dimensions: [],
          descending: false,
          output: {
            kind: 'aggregate',
            aggregates: [spec],
            intervalNs,
            offsetNs: 0n,
            extras: [],
            bucketLimit: 0,
          },
        };
        const answer = (useSummaries: boolean) => {
          const scan = createShardScan(plan);
          const binding = scan.bindSeries({ measurement: 'm', tags: [] }, 'm')!;
          const group = scan.openGroup([]);
          for (const view of views) {
            const { summary } = view.columns[0]!;
            if (useSummaries && scan.summariesUseful(binding) && summary) {
              if (group.addSummaries(binding, 1000n, [summary])) {
                answered++;
                continue;
              }
            }
            const offsets = decodeTimes(view);
            const batch: ColumnBatch = {
              rowCount: offsets.length,
              base: 1000n,
              offsets,
              columns: [decodeColumn(view, 0)],
            };
            group.addBatch(binding, batch);
          }
          return group.finish();
        };
        expect(answer(true)).toEqual(answer(false));
      },
    ),
    { numRuns: 500 },
  );
  expect(answered).toBeGreaterThan(100);
});
