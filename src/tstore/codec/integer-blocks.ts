/**
 * Safe integers as bit-packed blocks: the values themselves (order 0), their differences (1), or the
 * differences of those (2), each block of 128 less its own minimum (frame of reference).
 *
 * Layout: `order` signed heads (the values or differences the sums start from); per block its width
 * (1 byte); per block its minimum (signed); then the packed blocks. A width over 32 stores the low
 * words first, unpacked, then the high parts packed.
 *
 * Needs max - min of the values below 2^53 / 4, so that every difference is exact (`blockSpanMax`).
 */

import {
  bitWidth,
  blockSize,
  packBits,
  packedSize,
  takeWidths,
  takeWords,
  unpackNumbers,
  unpackWords,
} from './bit-pack.ts';
import type { ByteReader } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';

export type BlockOrder = 0 | 1 | 2;

/** Differences of differences stay below 2^53. */
export const blockSpanMax = 2 ** 51;

const widthMax = 53;
const lowScratch = new Uint32Array(blockSize);
const highScratch = new Uint32Array(blockSize);

/** Differences of `values[0..count)` into `out[0..count - 1)`. */
export function differences(values: Float64Array, count: number, out: Float64Array): void {
  let previous = values[0]!;
  for (let i = 1; i < count; i++) {
    const value = values[i]!;
    out[i - 1] = value - previous;
    previous = value;
  }
}

/** Bytes that `encodeBlocks` takes for these residuals, but for a few of its heads. */
export function blocksSize(residuals: Float64Array, count: number): number {
  let size = 0;
  for (let from = 0; from < count; from += blockSize) {
    const until = Math.min(count, from + blockSize);
    let min = residuals[from]!;
    let max = min;
    for (let i = from + 1; i < until; i++) {
      const value = residuals[i]!;
      if (value < min) min = value;
      else if (value > max) max = value;
    }
    size += 1 + signedSize(min) + packedSize(until - from, bitWidth(max - min));
  }
  return size;
}

function signedSize(value: number): number {
  return Math.max(1, Math.ceil((bitWidth(Math.abs(value)) + 1) / 7));
}

/** `residuals` are what is left after taking differences `heads.length` times. */
export function encodeBlocks(
  writer: ByteWriter,
  heads: readonly number[],
  residuals: Float64Array,
  count: number,
): void {
  for (const head of heads) writer.signed(head);
  const blockCount = Math.ceil(count / blockSize);
  const mins = new Float64Array(blockCount);
  const widths = new Uint8Array(blockCount);
  for (let block = 0; block < blockCount; block++) {
    const from = block * blockSize;
    const until = Math.min(count, from + blockSize);
    let min = residuals[from]!;
    let max = min;
    for (let i = from + 1; i < until; i++) {
      const value = residuals[i]!;
      if (value < min) min = value;
      else if (value > max) max = value;
    }
    mins[block] = min;
    widths[block] = bitWidth(max - min);
  }
  writer.raw(widths);
  for (let block = 0; block < blockCount; block++) writer.signed(mins[block]!);
  for (let block = 0; block < blockCount; block++) {
    const from = block * blockSize;
    packBlock(
      writer,
      residuals,
      from,
      Math.min(blockSize, count - from),
      mins[block]!,
      widths[block]!,
    );
  }
}

function packBlock(
  writer: ByteWriter,
  residuals: Float64Array,
  from: number,
  count: number,
  min: number,
  width: number,
): void {
  if (width <= 32) {
    for (let i = 0; i < count; i++) lowScratch[i] = residuals[from + i]! - min;
    packBits(writer, lowScratch, 0, count, width);
    return;
  }
  for (let i = 0; i < count; i++) {
    const value = residuals[from + i]! - min;
    lowScratch[i] = value % 0x1_0000_0000;
    highScratch[i] = Math.floor(value / 0x1_0000_0000);
  }
  packBits(writer, lowScratch, 0, count, 32);
  packBits(writer, highScratch, 0, count, width - 32);
}

/** `count` values as they were before the differences were taken. */
export function decodeBlocks(reader: ByteReader, count: number, order: BlockOrder): Float64Array {
  const out = new Float64Array(count);
  const headCount = Math.min(order, count);
  const heads: number[] = [];
  for (let i = 0; i < headCount; i++) heads.push(reader.signed());
  unpackBlocks(reader, count - headCount, out, headCount);
  if (heads.length === 2) sumUp(out, heads[1]!, 1);
  if (heads.length >= 1) sumUp(out, heads[0]!, 0);
  return out;
}

function unpackBlocks(reader: ByteReader, count: number, out: Float64Array, to: number): void {
  const blockCount = Math.ceil(count / blockSize);
  const widths = takeWidths(reader, blockCount, widthMax);
  const mins = new Float64Array(blockCount);
  let size = 0;
  for (let block = 0; block < blockCount; block++) {
    mins[block] = reader.signed();
    size += packedSize(Math.min(blockSize, count - block * blockSize), widths[block]!);
  }
  const words = takeWords(reader, size);
  let at = 0;
  for (let block = 0; block < blockCount; block++) {
    const start = to + block * blockSize;
    const length = Math.min(blockSize, count - block * blockSize);
    const width = widths[block]!;
    const min = mins[block]!;
    if (width === 0) out.fill(min, start, start + length);
    else if (width <= 32) unpackNumbers(words, at, width, length, min, out, start);
    else unpackWide(words, at, width, length, min, out, start);
    at += 4 * width;
  }
}

function unpackWide(
  words: Uint32Array,
  at: number,
  width: number,
  count: number,
  min: number,
  out: Float64Array,
  to: number,
): void {
  unpackWords(words, at + count, width - 32, count, highScratch, 0);
  for (let i = 0; i < count; i++) {
    out[to + i] = min + (highScratch[i]! * 0x1_0000_0000 + words[at + i]!);
  }
}

/** out[from] := head, every later value the one before plus what stands there. */
function sumUp(out: Float64Array, head: number, from: number): void {
  let sum = head;
  out[from] = sum;
  for (let i = from + 1; i < out.length; i++) {
    sum += out[i]!;
    out[i] = sum;
  }
}
