/** Partial aggregates of a whole group, merged over all shards, become values. */

import { CitadelError } from '../../base/errors.ts';
import type { Column } from '../../model/column.ts';
import type { Partial } from '../../model/plan.ts';
import { narrow, toBigInts, toFloats } from '../columns/integers.ts';
import type { CallColumn } from './call-column.ts';

/** One byte a window: whether any cell was seen; undefined when all have some. */
function seenMask(counts: Float64Array): Uint8Array | undefined {
  let mask: Uint8Array | undefined;
  for (let i = 0; i < counts.length; i++) {
    if (counts[i] !== 0) {
      if (mask !== undefined) mask[i] = 1;
    } else if (mask === undefined) {
      mask = new Uint8Array(counts.length).fill(1, 0, i);
    }
  }
  return mask;
}

function withValid(column: Column, valid: Uint8Array | undefined): Column {
  return { ...column, valid };
}

function numbersOf(column: Column): Float64Array {
  if (column.type === 'string' || column.type === 'boolean') {
    throw new CitadelError('internal', `cannot compute with a ${column.type} column`);
  }
  return toFloats(column.values);
}

function finishMean(sums: Column, counts: Float64Array): Column {
  const totals = numbersOf(sums);
  const values = new Float64Array(counts.length);
  for (let i = 0; i < values.length; i++) values[i] = totals[i]! / counts[i]!;
  return { type: 'float', values, valid: seenMask(counts) };
}

function finishSpread(mins: Column, maxs: Column, valid: Uint8Array | undefined): Column {
  if (mins.type === 'float' || maxs.type === 'float') {
    return { type: 'float', values: subtract(numbersOf(maxs), numbersOf(mins)), valid };
  }
  if (mins.type !== 'integer' && mins.type !== 'unsigned') {
    throw new CitadelError('internal', `cannot compute with a ${mins.type} column`);
  }
  const low = toBigInts(mins);
  const high = toBigInts(maxs as typeof mins);
  const wide =
    mins.type === 'integer' ? new BigInt64Array(low.length) : new BigUint64Array(low.length);
  for (let i = 0; i < wide.length; i++) wide[i] = high[i]! - low[i]!;
  return { type: mins.type, values: narrow(wide), valid } as Column;
}

function subtract(left: Float64Array, right: Float64Array): Float64Array {
  const values = new Float64Array(left.length);
  for (let i = 0; i < values.length; i++) values[i] = left[i]! - right[i]!;
  return values;
}

/** Sample deviation: of one row it is null, but an answer. */
function finishStddev(counts: Float64Array, m2: Float64Array): CallColumn {
  const values = new Float64Array(counts.length);
  const valid = new Uint8Array(counts.length);
  for (let i = 0; i < values.length; i++) {
    if (counts[i]! < 2) continue;
    values[i] = Math.sqrt(m2[i]! / (counts[i]! - 1));
    valid[i] = 1;
  }
  const answered = seenMask(counts) ?? new Uint8Array(counts.length).fill(1);
  return { values: { type: 'float', values, valid }, answered };
}

/** `distinct` has several values a window and is expanded elsewhere. */
export function finishPartial(partial: Exclude<Partial, { fn: 'distinct' }>): CallColumn {
  const { counts } = partial;
  const answered = undefined;
  switch (partial.fn) {
    case 'count':
      return { values: { type: 'integer', values: counts, valid: seenMask(counts) }, answered };
    case 'sum':
      return { values: withValid(partial.sums, seenMask(counts)), answered };
    case 'mean':
      return { values: finishMean(partial.sums, counts), answered };
    case 'spread':
      return {
        values: finishSpread(partial.mins, partial.maxs, seenMask(counts)),
        answered,
      };
    case 'stddev':
      return finishStddev(counts, partial.m2);
    default:
      return { values: withValid(partial.values, seenMask(counts)), answered };
  }
}
