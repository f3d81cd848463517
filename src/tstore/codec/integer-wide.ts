/**
 * 64-bit integers of which some exceed 2^53 - 1, as pairs of 32-bit words: no BigInt arithmetic.
 *
 * `plain` packs the zigzag of the values, `delta` the zigzag of their differences (mod 2^64), whose
 * sums start from 0. Signed and unsigned values share the code: only their differences count.
 */

import type { ByteReader } from './byte-reader.ts';
import { decodePairBlocks } from './pair-blocks.ts';

/** The words of 64-bit values, in place. */
export function wordsOf(values: BigInt64Array | BigUint64Array | Float64Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length * 2);
}

export function zigzagPlain(pairs: Uint32Array): Uint32Array {
  const out = new Uint32Array(pairs.length);
  for (let i = 0; i < pairs.length; i += 2) putZigzag(out, i, pairs[i]!, pairs[i + 1]!);
  return out;
}

export function zigzagDelta(pairs: Uint32Array): Uint32Array {
  const out = new Uint32Array(pairs.length);
  let previousLow = 0;
  let previousHigh = 0;
  for (let i = 0; i < pairs.length; i += 2) {
    const low = pairs[i]!;
    const high = pairs[i + 1]!;
    const borrow = low < previousLow ? 1 : 0;
    putZigzag(out, i, (low - previousLow) >>> 0, (high - previousHigh - borrow) >>> 0);
    previousLow = low;
    previousHigh = high;
  }
  return out;
}

function putZigzag(out: Uint32Array, at: number, low: number, high: number): void {
  const sign = (high | 0) >> 31;
  out[at] = (low << 1) ^ sign;
  out[at + 1] = ((high << 1) | (low >>> 31)) ^ sign;
}

function undoZigzag(pairs: Uint32Array): void {
  for (let i = 0; i < pairs.length; i += 2) {
    const low = pairs[i]!;
    const high = pairs[i + 1]!;
    const sign = -(low & 1);
    pairs[i] = ((low >>> 1) | (high << 31)) ^ sign;
    pairs[i + 1] = (high >>> 1) ^ sign;
  }
}

function undoDelta(pairs: Uint32Array): void {
  let low = 0;
  let high = 0;
  for (let i = 0; i < pairs.length; i += 2) {
    const sum = low + pairs[i]!;
    low = sum >>> 0;
    high = (high + pairs[i + 1]! + (sum > 0xffffffff ? 1 : 0)) >>> 0;
    pairs[i] = low;
    pairs[i + 1] = high;
  }
}

export function decodeWidePlain(reader: ByteReader, count: number): Uint32Array {
  const pairs = decodePairBlocks(reader, count);
  undoZigzag(pairs);
  return pairs;
}

export function decodeWideDelta(reader: ByteReader, count: number): Uint32Array {
  const pairs = decodeWidePlain(reader, count);
  undoDelta(pairs);
  return pairs;
}

/** Doubles of the values when every one is a safe integer, else undefined. */
export function toSafeNumbers(
  values: BigInt64Array | BigUint64Array,
  signed: boolean,
): Float64Array | undefined {
  const pairs = wordsOf(values);
  const out = new Float64Array(values.length);
  for (let i = 0; i < out.length; i++) {
    const high = signed ? pairs[2 * i + 1]! | 0 : pairs[2 * i + 1]!;
    const value = high * 0x1_0000_0000 + pairs[2 * i]!;
    // A double rounds beyond 2^53, but never back into the safe range.
    if (value > Number.MAX_SAFE_INTEGER || value < Number.MIN_SAFE_INTEGER) return undefined;
    out[i] = value;
  }
  return out;
}

/** 64-bit words (two's complement) of safe integers. */
export function toWords(values: Float64Array, count: number): Uint32Array {
  const pairs = new Uint32Array(2 * count);
  for (let i = 0; i < count; i++) {
    const value = values[i]!;
    const high = Math.floor(value / 0x1_0000_0000);
    pairs[2 * i] = value - high * 0x1_0000_0000;
    pairs[2 * i + 1] = high;
  }
  return pairs;
}
