/**
 * Doubles that are short decimals, as integers n with value = n / 10^e, e one for the column.
 *
 * The division is correctly rounded, so it gives back the very double that the decimal text means;
 * the encoder tests it for each value. What fails (long fractions, -0, NaN, infinities) goes to a
 * list of exceptions with its 64 bits. Layout: e (1 byte); exception count (unsigned); per exception
 * the gap to the one before (unsigned) and 8 bytes; codec of the integers (1 byte); the integers.
 */

import type { ByteReader } from './byte-reader.ts';
import { corruptChunk } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';
import { decodeSafeIntegers, encodeSafeIntegers } from './integer-codec.ts';
import { wordsOf } from './integer-wide.ts';

/** 10^15 leaves one digit before the point below 2^53. */
const exponentMax = 15;
const powers = Float64Array.from({ length: exponentMax + 1 }, (_, i) => Number(`1e${i}`));
const sampleCount = 64;

/** The integers, the exponent, and the rows that do not fit them. */
export interface DecimalPlan {
  readonly exponent: number;
  readonly numbers: Float64Array;
  readonly exceptions: Uint32Array;
}

/** Least exponent that gives the value back exactly; -1 = none. */
function exponentOf(value: number): number {
  for (let e = 0; e <= exponentMax; e++) {
    const n = Math.round(value * powers[e]!);
    if (n > Number.MAX_SAFE_INTEGER || n < Number.MIN_SAFE_INTEGER) return -1;
    if (n / powers[e]! === value && !Object.is(value, -0)) return e;
  }
  return -1;
}

/** The least exponent that fits 19 of 20 sampled values; undefined when too few fit any. */
function chooseExponent(values: Float64Array): number | undefined {
  const hits = new Uint32Array(exponentMax + 1);
  const sampled = Math.min(sampleCount, values.length);
  for (let i = 0; i < sampled; i++) {
    // Scattered rows: an even stride would see one phase of a periodic signal.
    const row = sampled < sampleCount ? i : Math.imul(i, 0x9e3779b1) >>> 0;
    const e = exponentOf(values[row % values.length]!);
    if (e >= 0) hits[e]!++;
  }
  let fitting = 0;
  for (let e = 0; e <= exponentMax; e++) {
    fitting += hits[e]!;
    if (fitting >= sampled * 0.95) return e;
  }
  return undefined;
}

/** Undefined: not worth trying. */
export function planDecimal(values: Float64Array): DecimalPlan | undefined {
  const exponent = chooseExponent(values);
  if (exponent === undefined) return undefined;
  const power = powers[exponent]!;
  const numbers = new Float64Array(values.length);
  const misfits = new Uint32Array(Math.floor(values.length / 8) + 1);
  let misfitCount = 0;
  let previous = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    const n = Math.round(value * power);
    if (n / power === value && Math.abs(n) <= Number.MAX_SAFE_INTEGER && !Object.is(value, -0)) {
      numbers[i] = n;
      previous = n;
    } else {
      if (misfitCount === misfits.length) return undefined;
      misfits[misfitCount++] = i;
      numbers[i] = previous;
    }
  }
  return { exponent, numbers, exceptions: misfits.subarray(0, misfitCount) };
}

export function encodeDecimal(writer: ByteWriter, values: Float64Array, plan: DecimalPlan): void {
  const bits = wordsOf(values);
  writer.byte(plan.exponent);
  writer.unsigned(plan.exceptions.length);
  let previous = 0;
  for (const row of plan.exceptions) {
    writer.unsigned(row - previous);
    writer.u32(bits[2 * row]!);
    writer.u32(bits[2 * row + 1]!);
    previous = row;
  }
  const codecAt = writer.take(1);
  writer.bytes[codecAt] = encodeSafeIntegers(writer, plan.numbers, plan.numbers.length);
}

export function decodeDecimal(reader: ByteReader, count: number): Float64Array {
  const exponent = reader.byte();
  if (exponent > exponentMax) throw corruptChunk('has a decimal exponent out of range');
  const exceptions = readExceptions(reader, count);
  const out = decodeSafeIntegers(reader, reader.byte(), count);
  if (!out) throw corruptChunk('has decimals in a codec that is not one of integers');
  if (exponent > 0) divideAll(out, powers[exponent]!);
  if (exceptions) {
    const bits = wordsOf(out);
    for (let i = 0; i < exceptions.rows.length; i++) {
      const row = exceptions.rows[i]!;
      bits[2 * row] = exceptions.bits[2 * i]!;
      bits[2 * row + 1] = exceptions.bits[2 * i + 1]!;
    }
  }
  return out;
}

function readExceptions(
  reader: ByteReader,
  count: number,
): { rows: Uint32Array; bits: Uint32Array } | undefined {
  const length = reader.unsigned();
  if (length === 0) return undefined;
  if (length > count) throw corruptChunk('has more exceptions than rows');
  const rows = new Uint32Array(length);
  const bits = new Uint32Array(2 * length);
  let row = 0;
  for (let i = 0; i < length; i++) {
    row += reader.unsigned();
    if (row >= count) throw corruptChunk('has an exception out of range');
    rows[i] = row;
    bits[2 * i] = reader.u32();
    bits[2 * i + 1] = reader.u32();
  }
  return { rows, bits };
}

function divideAll(values: Float64Array, divisor: number): void {
  for (let i = 0; i < values.length; i++) values[i] = values[i]! / divisor;
}
