/** A parsed batch as plain objects, for tests to compare. */

import { decodeText } from '../../../src/base/text.ts';
import type { ParsedBatch } from '../../../src/lineprotocol/parsed-batch.ts';
import { formatSeriesKey } from '../../../src/model/series-key.ts';

export interface PlainRow {
  readonly series: string;
  readonly time: bigint;
  readonly cells: readonly (readonly [name: string, type: string, value: unknown])[];
}

function readCell(batch: ParsedBatch, cell: number): readonly [string, string, unknown] {
  const { name, type } = batch.fields[batch.cellField[cell]!]!;
  const low = batch.cellWords[2 * cell]!;
  const high = batch.cellWords[2 * cell + 1]!;
  if (type === 'float') return [name, type, batch.cellFloats[cell]];
  if (type === 'boolean') return [name, type, low === 1];
  if (type === 'string') return [name, type, decodeText(batch.text.subarray(low, low + high))];
  return [name, type, BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low))];
}

export function plainRows(batch: ParsedBatch): PlainRow[] {
  return Array.from({ length: batch.rowCount }, (_, row) => {
    const first = batch.cellStart[row]!;
    return {
      series: formatSeriesKey(batch.series[batch.rowSeries[row]!]!.key),
      time: batch.rowTimes[row]!,
      cells: Array.from({ length: batch.cellStart[row + 1]! - first }, (_, i) =>
        readCell(batch, first + i),
      ),
    };
  });
}
