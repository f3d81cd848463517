/** Doubles as runs of equal bit patterns: per run its length (unsigned) and 8 bytes. */

import type { ByteReader } from './byte-reader.ts';
import { corruptChunk } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';

export function countFloatRuns(bits: Uint32Array): number {
  let runs = 1;
  for (let i = 2; i < bits.length; i += 2) {
    if (bits[i] !== bits[i - 2] || bits[i + 1] !== bits[i - 1]) runs++;
  }
  return runs;
}

export function encodeFloatRuns(writer: ByteWriter, bits: Uint32Array): void {
  for (let from = 0; from < bits.length; ) {
    let until = from + 2;
    while (
      until < bits.length &&
      bits[until] === bits[from] &&
      bits[until + 1] === bits[from + 1]
    ) {
      until += 2;
    }
    writer.unsigned((until - from) / 2);
    writer.u32(bits[from]!);
    writer.u32(bits[from + 1]!);
    from = until;
  }
}

export function decodeFloatRuns(reader: ByteReader, count: number): Float64Array {
  const bits = new Uint32Array(2 * count);
  for (let from = 0; from < count; ) {
    const length = reader.unsigned();
    if (length === 0 || length > count - from) throw corruptChunk('has a run out of range');
    const low = reader.u32();
    const high = reader.u32();
    for (let i = from; i < from + length; i++) {
      bits[2 * i] = low;
      bits[2 * i + 1] = high;
    }
    from += length;
  }
  return new Float64Array(bits.buffer);
}
