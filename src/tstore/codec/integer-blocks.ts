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
  packNumbers,
  takeWidths,
  takeWords,
  unpackNumbers,
  unpackSums,
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

/** Differences of `values[0..count)` into `out[0..count - 1)`. Returns how many are not 0. */
export function differences(values: Float64Array, count: number, out: Float64Array): number {
  let previous = values[0]!;
  let changes = 0;
  for (let i = 1; i < count; i++) {
    const value = values[i]!;
    const difference = value - previous;
    out[i - 1] = difference;
    changes += difference === 0 ? 0 : 1;
    previous = value;
  }
  return changes;
}

/** Minimum and width of each block of residuals; made for one encoding and used again. */
export class BlockShapes {
  mins = new Float64Array(64);
  widths = new Uint8Array(64);
  /** Bytes that `encodeBlocks` takes, but for its heads. */
  size = 0;

  /** Looks at `residuals[0..count)`. */
  measure(residuals: Float64Array, count: number): this {
    const blockCount = Math.ceil(count / blockSize);
    if (this.mins.length < blockCount) {
      this.mins = new Float64Array(2 * blockCount);
      this.widths = new Uint8Array(2 * blockCount);
    }
    this.size = 0;
    for (let block = 0; block < blockCount; block++) {
      const from = block * blockSize;
      const until = Math.min(count, from + blockSize);
      let min = residuals[from]!;
      let max = min;
      for (let i = from + 1; i < until; i++) {
        const value = residuals[i]!;
        if (value < min) min = value;
        if (value > max) max = value;
      }
      const width = bitWidth(max - min);
      this.mins[block] = min;
      this.widths[block] = width;
      this.size += 1 + signedSize(min) + packedSize(until - from, width);
    }
    return this;
  }
}

function signedSize(value: number): number {
  return Math.max(1, Math.ceil((bitWidth(Math.abs(value)) + 1) / 7));
}

/** `residuals` are what is left after taking differences `heads.length` times, `shapes` theirs. */
export function encodeBlocks(
  writer: ByteWriter,
  heads: readonly number[],
  residuals: Float64Array,
  count: number,
  { mins, widths }: BlockShapes,
): void {
  for (const head of heads) writer.signed(head);
  const blockCount = Math.ceil(count / blockSize);
  writer.raw(widths.subarray(0, blockCount));
  for (let block = 0; block < blockCount; block++) writer.signed(mins[block]!);
  for (let block = 0; block < blockCount; block++) {
    const from = block * blockSize;
    const length = Math.min(blockSize, count - from);
    packBlock(writer, residuals, from, length, mins[block]!, widths[block]!);
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
  if (width === 0) return;
  if (width <= 32) {
    packNumbers(writer, residuals, from, count, min, width);
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
  const first = headCount > 0 ? reader.signed() : 0;
  const second = headCount > 1 ? reader.signed() : 0;
  const plan = readPlan(reader, count - headCount);
  if (headCount === 0) {
    unpackBlocks(plan, count, out);
    return out;
  }
  out[headCount - 1] = headCount === 1 ? first : second;
  unpackRunning(plan, count - headCount, out, headCount);
  if (headCount === 2) sumUp(out, first);
  return out;
}

let minScratch = new Float64Array(64);

/** Where the blocks are; `mins` and `words` are taken again by the next plan. */
interface BlockPlan {
  readonly widths: Uint8Array;
  readonly mins: Float64Array;
  readonly words: Uint32Array;
}

function readPlan(reader: ByteReader, count: number): BlockPlan {
  const blockCount = Math.ceil(count / blockSize);
  const widths = takeWidths(reader, blockCount, widthMax);
  if (minScratch.length < blockCount) minScratch = new Float64Array(2 * blockCount);
  let size = 0;
  for (let block = 0; block < blockCount; block++) {
    minScratch[block] = reader.signed();
    size += packedSize(Math.min(blockSize, count - block * blockSize), widths[block]!);
  }
  return { widths, mins: minScratch, words: takeWords(reader, size) };
}

function unpackBlocks({ widths, mins, words }: BlockPlan, count: number, out: Float64Array): void {
  let at = 0;
  for (let block = 0; block < widths.length; block++) {
    const start = block * blockSize;
    const length = Math.min(blockSize, count - start);
    const width = widths[block]!;
    const min = mins[block]!;
    if (width === 0) out.fill(min, start, start + length);
    else if (width <= 32) unpackNumbers(words, at, width, length, min, out, start);
    else unpackWide(words, at, width, length, min, out, start);
    at += 4 * width;
  }
}

/** Running sums from out[to - 1] on. */
function unpackRunning(
  { widths, mins, words }: BlockPlan,
  count: number,
  out: Float64Array,
  to: number,
): void {
  let sum = out[to - 1]!;
  let at = 0;
  for (let block = 0; block < widths.length; block++) {
    const start = to + block * blockSize;
    const length = Math.min(blockSize, count - block * blockSize);
    const width = widths[block]!;
    const min = mins[block]!;
    if (width > 0 && width <= 32) {
      sum = unpackSums(words, at, width, length, min, sum, out, start);
    } else {
      if (width === 0) out.fill(min, start, start + length);
      else unpackWide(words, at, width, length, min, out, start);
      sum = runningSums(out, start, start + length, sum);
    }
    at += 4 * width;
  }
}

function runningSums(out: Float64Array, from: number, until: number, start: number): number {
  let sum = start;
  for (let i = from; i < until; i++) {
    sum += out[i]!;
    out[i] = sum;
  }
  return sum;
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

/** out[0] := head, every later value the one before plus what stands there. */
function sumUp(out: Float64Array, head: number): void {
  out[0] = head;
  runningSums(out, 1, out.length, head);
}
