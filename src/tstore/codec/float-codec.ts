/** Float columns: writes the smallest of runs, decimals, XOR and raw bits. Lossless for every bit pattern. */

import type { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { type CodecId, codecId } from './codec-id.ts';
import { decodeDecimal, encodeDecimal, planDecimal } from './float-decimal.ts';
import { countFloatRuns, decodeFloatRuns, encodeFloatRuns } from './float-runs.ts';
import { decodeXor, encodeXor, xorNeighbours, xorSize } from './float-xor.ts';
import { wordsOf } from './integer-wide.ts';

const decimalScratch = new ByteWriter(16 * 1024);

export function encodeFloats(writer: ByteWriter, values: Float64Array): CodecId {
  const bits = wordsOf(values);
  const count = values.length;
  const runsSize = 9 * countFloatRuns(bits);
  const plan = planDecimal(values);
  decimalScratch.size = 0;
  if (plan) encodeDecimal(decimalScratch, values, plan);
  const decimalSize = plan ? decimalScratch.size : Infinity;
  // Decimals of at most four bytes a value need no rival but runs: XOR keeps more mantissa than that.
  const xored = decimalSize <= 4 * count ? undefined : xorNeighbours(bits);
  const xoredSize = xored ? xorSize(xored) : Infinity;
  const least = Math.min(runsSize, decimalSize, xoredSize, 8 * count);
  if (decimalSize === least) {
    writer.raw(decimalScratch.bytes.subarray(0, decimalSize));
    return codecId.floatDecimal;
  }
  if (runsSize === least) {
    encodeFloatRuns(writer, bits);
    return codecId.floatRuns;
  }
  if (xored && xoredSize === least && least < 8 * count) {
    encodeXor(writer, xored);
    return codecId.floatXor;
  }
  writer.raw(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  return codecId.floatRaw;
}

/** Undefined when the codec is not one of floats. */
export function decodeFloats(
  reader: ByteReader,
  codec: number,
  count: number,
): Float64Array | undefined {
  switch (codec) {
    case codecId.floatRuns:
      return decodeFloatRuns(reader, count);
    case codecId.floatDecimal:
      return decodeDecimal(reader, count);
    case codecId.floatXor:
      return decodeXor(reader, count);
    case codecId.floatRaw:
      return decodeRaw(reader, count);
    default:
      return undefined;
  }
}

function decodeRaw(reader: ByteReader, count: number): Float64Array {
  const out = new Float64Array(count);
  new Uint8Array(out.buffer).set(reader.raw(8 * count));
  return out;
}
