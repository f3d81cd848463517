/**
 * Safe integers as runs of equal values: per run the value (signed; from the second run on the
 * difference to the run before) and its length (unsigned). A constant column is one run.
 */

import type { ByteReader } from './byte-reader.ts';
import { corruptChunk } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';

/** Needs differences below 2^53, see `blockSpanMax`, unless there is only one run. */
export function encodeRuns(writer: ByteWriter, values: Float64Array, count: number): void {
  let previous = 0;
  for (let from = 0; from < count; ) {
    const value = values[from]!;
    let until = from + 1;
    while (until < count && values[until] === value) until++;
    writer.signed(value - previous);
    writer.unsigned(until - from);
    previous = value;
    from = until;
  }
}

export function decodeRuns(reader: ByteReader, count: number): Float64Array {
  const out = new Float64Array(count);
  let value = 0;
  for (let from = 0; from < count; ) {
    value += reader.signed();
    const length = reader.unsigned();
    if (length === 0 || length > count - from) throw corruptChunk('has a run out of range');
    out.fill(value, from, from + length);
    from += length;
  }
  return out;
}
