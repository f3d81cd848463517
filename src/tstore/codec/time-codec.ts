/**
 * Times of rows as offsets: whole, not negative, ascending numbers below 2^53, first and count known
 * to the chunk.
 *
 * All differences share a power of ten (precision ms: 10^6), which is divided out: 1 byte. Runs: per
 * run of equal differences the difference and its length (unsigned both), so that a regular series
 * costs a few bytes. Otherwise bit-packed blocks of the differences, or of theirs.
 */

import type { ByteReader } from './byte-reader.ts';
import { corruptChunk } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';
import { type CodecId, codecId } from './codec-id.ts';
import { BlockShapes, decodeBlocks, differences, encodeBlocks } from './integer-blocks.ts';

const scaleMax = 15;
const runSize = 4;

/** Greatest power of ten, as its exponent, that divides every value. */
function scaleOf(values: Float64Array): number {
  let scale = scaleMax;
  let power = 10 ** scale;
  for (let i = 0; i < values.length && scale > 0; i++) {
    while (scale > 0 && values[i]! % power !== 0) power = 10 ** --scale;
  }
  return scale;
}

const deltaShapes = new BlockShapes();
const delta2Shapes = new BlockShapes();

/** Writes all but the first of the offsets. */
export function encodeTimes(writer: ByteWriter, offsets: Float64Array): CodecId {
  const count = offsets.length - 1;
  if (count === 0) return codecId.timeRuns;
  const deltas = new Float64Array(count);
  differences(offsets, offsets.length, deltas);
  const scale = scaleOf(deltas);
  writer.byte(scale);
  const power = 10 ** scale;
  for (let i = 0; i < count; i++) deltas[i] = deltas[i]! / power;
  const seconds = new Float64Array(count);
  const runs = 1 + differences(deltas, count, seconds);
  const deltaSize = deltaShapes.measure(deltas, count).size;
  const delta2Size = count > 1 ? delta2Shapes.measure(seconds, count - 1).size : Infinity;
  if (runs * runSize <= Math.min(deltaSize, delta2Size) || runs === 1) {
    encodeRuns(writer, deltas);
    return codecId.timeRuns;
  }
  if (deltaSize <= delta2Size) {
    encodeBlocks(writer, [], deltas, count, deltaShapes);
    return codecId.timeDelta;
  }
  encodeBlocks(writer, [deltas[0]!], seconds, count - 1, delta2Shapes);
  return codecId.timeDelta2;
}

function encodeRuns(writer: ByteWriter, deltas: Float64Array): void {
  for (let from = 0; from < deltas.length; ) {
    let until = from + 1;
    while (until < deltas.length && deltas[until] === deltas[from]) until++;
    writer.unsigned(deltas[from]!);
    writer.unsigned(until - from);
    from = until;
  }
}

/** `count` offsets from `first` on. Undefined when the codec is not one of times. */
export function decodeOffsets(
  reader: ByteReader,
  codec: number,
  first: number,
  count: number,
): Float64Array | undefined {
  const out = new Float64Array(count);
  out[0] = first;
  if (count === 1) return codec === codecId.timeRuns ? out : undefined;
  const scale = reader.byte();
  if (scale > scaleMax) throw corruptChunk('has a time scale out of range');
  const power = 10 ** scale;
  switch (codec) {
    case codecId.timeRuns:
      decodeRuns(reader, out, power);
      return out;
    case codecId.timeDelta:
      sumUp(decodeBlocks(reader, count - 1, 0), power, out);
      return out;
    case codecId.timeDelta2:
      sumUp(decodeBlocks(reader, count - 1, 1), power, out);
      return out;
    default:
      return undefined;
  }
}

function decodeRuns(reader: ByteReader, out: Float64Array, power: number): void {
  let at = 1;
  let offset = out[0]!;
  while (at < out.length) {
    const delta = reader.unsigned() * power;
    const length = reader.unsigned();
    if (length === 0 || length > out.length - at) throw corruptChunk('has a run out of range');
    for (const until = at + length; at < until; at++) {
      offset += delta;
      out[at] = offset;
    }
  }
}

function sumUp(deltas: Float64Array, power: number, out: Float64Array): void {
  let offset = out[0]!;
  for (let i = 0; i < deltas.length; i++) {
    offset += deltas[i]! * power;
    out[i + 1] = offset;
  }
}
