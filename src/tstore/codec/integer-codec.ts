/**
 * Integer columns: tries every codec on the exact sizes it would take and writes the smallest. Also
 * serves decimal floats, string codes and times, which are integers underneath.
 */

import { bitWidth, blockSize } from './bit-pack.ts';
import type { ByteReader } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';
import { codecId, type IntegerCodec } from './codec-id.ts';
import {
  BlockShapes,
  blockSpanMax,
  decodeBlocks,
  differences,
  encodeBlocks,
} from './integer-blocks.ts';
import { decodeRuns, encodeRuns } from './integer-runs.ts';
import {
  decodeWideDelta,
  decodeWidePlain,
  toSafeNumbers,
  toWords,
  wordsOf,
  zigzagDelta,
  zigzagPlain,
} from './integer-wide.ts';
import { encodePairBlocks, pairBlocksSize } from './pair-blocks.ts';

let firstScratch = new Float64Array(4096);
let secondScratch = new Float64Array(4096);
const plainShapes = new BlockShapes();
const deltaShapes = new BlockShapes();
const delta2Shapes = new BlockShapes();

/** Greatest less least value. */
function spanOf(values: Float64Array, count: number): number {
  let min = values[0]!;
  let max = min;
  for (let i = 1; i < count; i++) {
    const value = values[i]!;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return max - min;
}

/** Writes `values[0..count)`, all safe integers, count at least 1. */
export function encodeSafeIntegers(
  writer: ByteWriter,
  values: Float64Array,
  count: number,
): IntegerCodec {
  const span = spanOf(values, count);
  if (span === 0) {
    encodeRuns(writer, values, count);
    return codecId.integerRuns;
  }
  if (span > blockSpanMax) return encodePairs(writer, toWords(values, count));
  if (firstScratch.length < count) {
    firstScratch = new Float64Array(count);
    secondScratch = new Float64Array(count);
  }
  const runs = 1 + differences(values, count, firstScratch);
  const plainSize = plainShapes.measure(values, count).size;
  const deltaSize = deltaShapes.measure(firstScratch, count - 1).size;
  const delta2Size = measureSecond(count);
  const least = Math.min(plainSize, deltaSize, delta2Size);
  if (runs * (2 + bitWidth(span) / 7) < least) {
    encodeRuns(writer, values, count);
    return codecId.integerRuns;
  }
  if (plainSize === least) {
    encodeBlocks(writer, [], values, count, plainShapes);
    return codecId.integerPlain;
  }
  if (deltaSize === least) {
    encodeBlocks(writer, [values[0]!], firstScratch, count - 1, deltaShapes);
    return codecId.integerDelta;
  }
  encodeBlocks(writer, [values[0]!, firstScratch[0]!], secondScratch, count - 2, delta2Shapes);
  return codecId.integerDelta2;
}

/** Size with second differences. Only where they are narrower than the first ones at the start. */
function measureSecond(count: number): number {
  if (count <= 2) return Infinity;
  const sampleCount = Math.min(count, 2 * blockSize);
  differences(firstScratch, sampleCount - 1, secondScratch);
  delta2Shapes.measure(secondScratch, sampleCount - 2);
  if (delta2Shapes.widths[0]! >= deltaShapes.widths[0]!) return Infinity;
  differences(firstScratch, count - 1, secondScratch);
  return delta2Shapes.measure(secondScratch, count - 2).size;
}

export function encodeIntegers(
  writer: ByteWriter,
  values: Float64Array | BigInt64Array | BigUint64Array,
): IntegerCodec {
  if (values instanceof Float64Array) return encodeSafeIntegers(writer, values, values.length);
  const safe = toSafeNumbers(values, values instanceof BigInt64Array);
  if (safe) return encodeSafeIntegers(writer, safe, safe.length);
  return encodePairs(writer, wordsOf(values));
}

function encodePairs(writer: ByteWriter, pairs: Uint32Array): IntegerCodec {
  const count = pairs.length / 2;
  const plain = zigzagPlain(pairs);
  const delta = zigzagDelta(pairs);
  if (pairBlocksSize(delta, count) < pairBlocksSize(plain, count)) {
    encodePairBlocks(writer, delta, count);
    return codecId.integerWideDelta;
  }
  encodePairBlocks(writer, plain, count);
  return codecId.integerWidePlain;
}

/** Undefined when the codec is not one of integers. */
export function decodeSafeIntegers(
  reader: ByteReader,
  codec: number,
  count: number,
): Float64Array | undefined {
  switch (codec) {
    case codecId.integerRuns:
      return decodeRuns(reader, count);
    case codecId.integerPlain:
      return decodeBlocks(reader, count, 0);
    case codecId.integerDelta:
      return decodeBlocks(reader, count, 1);
    case codecId.integerDelta2:
      return decodeBlocks(reader, count, 2);
    default: {
      const pairs = decodePairs(reader, codec, count);
      return pairs && toSafeNumbers(new BigInt64Array(pairs.buffer), true);
    }
  }
}

export function decodeSigned(
  reader: ByteReader,
  codec: number,
  count: number,
): Float64Array | BigInt64Array | undefined {
  const pairs = decodePairs(reader, codec, count);
  if (!pairs) return decodeSafeIntegers(reader, codec, count);
  const values = new BigInt64Array(pairs.buffer);
  return toSafeNumbers(values, true) ?? values;
}

export function decodeUnsigned(
  reader: ByteReader,
  codec: number,
  count: number,
): Float64Array | BigUint64Array | undefined {
  const pairs = decodePairs(reader, codec, count);
  if (!pairs) return decodeSafeIntegers(reader, codec, count);
  const values = new BigUint64Array(pairs.buffer);
  return toSafeNumbers(values, false) ?? values;
}

function decodePairs(reader: ByteReader, codec: number, count: number): Uint32Array | undefined {
  if (codec === codecId.integerWidePlain) return decodeWidePlain(reader, count);
  if (codec === codecId.integerWideDelta) return decodeWideDelta(reader, count);
  return undefined;
}
