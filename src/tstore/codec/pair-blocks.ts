/**
 * 64-bit words as bit-packed blocks of 128, for what does not fit a safe integer. Word i is
 * `pairs[2 i]` (low) and `pairs[2 i + 1]` (high). Each block drops the leading and trailing zero
 * bits that all its words share.
 *
 * Layout: per block width (1 byte, 0 to 64); per block count of trailing zeros (1 byte); then the
 * blocks: up to 32 bits packed; above, all low words unpacked and then the high parts packed.
 */

import { blockSize, packBits, packedSize, takeWidths, takeWords, unpackWords } from './bit-pack.ts';
import type { ByteReader } from './byte-reader.ts';
import { corruptChunk } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';

const lowScratch = new Uint32Array(blockSize);
const highScratch = new Uint32Array(blockSize);

interface BlockShape {
  width: number;
  zeros: number;
}

function shapeOf(low: number, high: number): BlockShape {
  if ((low | high) === 0) return { width: 0, zeros: 0 };
  const zeros = low === 0 ? 32 + trailingZeros(high) : trailingZeros(low);
  const top = high === 0 ? 32 - Math.clz32(low) : 64 - Math.clz32(high);
  return { width: top - zeros, zeros };
}

function trailingZeros(word: number): number {
  return 31 - Math.clz32(word & -word);
}

function planBlocks(pairs: Uint32Array, count: number): BlockShape[] {
  const shapes: BlockShape[] = [];
  for (let from = 0; from < count; from += blockSize) {
    const until = Math.min(count, from + blockSize);
    let low = 0;
    let high = 0;
    for (let i = from; i < until; i++) {
      low |= pairs[2 * i]!;
      high |= pairs[2 * i + 1]!;
    }
    shapes.push(shapeOf(low, high));
  }
  return shapes;
}

export function pairBlocksSize(pairs: Uint32Array, count: number): number {
  let size = 0;
  planBlocks(pairs, count).forEach(({ width }, block) => {
    size += 2 + packedSize(Math.min(blockSize, count - block * blockSize), width);
  });
  return size;
}

export function encodePairBlocks(writer: ByteWriter, pairs: Uint32Array, count: number): void {
  const shapes = planBlocks(pairs, count);
  for (const { width } of shapes) writer.byte(width);
  for (const { zeros } of shapes) writer.byte(zeros);
  shapes.forEach(({ width, zeros }, block) => {
    const from = block * blockSize;
    const length = Math.min(blockSize, count - from);
    shiftDown(pairs, from, length, zeros);
    packBits(writer, lowScratch, 0, length, Math.min(32, width));
    packBits(writer, highScratch, 0, length, Math.max(0, width - 32));
  });
}

function shiftDown(pairs: Uint32Array, from: number, count: number, zeros: number): void {
  for (let i = 0; i < count; i++) {
    const low = pairs[2 * (from + i)]!;
    const high = pairs[2 * (from + i) + 1]!;
    if (zeros === 0) {
      lowScratch[i] = low;
      highScratch[i] = high;
    } else if (zeros < 32) {
      lowScratch[i] = (low >>> zeros) | (high << (32 - zeros));
      highScratch[i] = high >>> zeros;
    } else {
      lowScratch[i] = high >>> (zeros - 32);
      highScratch[i] = 0;
    }
  }
}

export function decodePairBlocks(reader: ByteReader, count: number): Uint32Array {
  const pairs = new Uint32Array(2 * count);
  const blockCount = Math.ceil(count / blockSize);
  const widths = takeWidths(reader, blockCount, 64);
  const zeros = takeWidths(reader, blockCount, 63);
  let size = 0;
  for (let block = 0; block < blockCount; block++) {
    if (widths[block]! + zeros[block]! > 64) throw corruptChunk('has a bit width out of range');
    size += packedSize(Math.min(blockSize, count - block * blockSize), widths[block]!);
  }
  const words = takeWords(reader, size);
  let at = 0;
  for (let block = 0; block < blockCount; block++) {
    const from = block * blockSize;
    const length = Math.min(blockSize, count - from);
    const width = widths[block]!;
    unpackPairs(words, at, width, length);
    if (width > 0) shiftUp(pairs, from, length, zeros[block]!);
    at += 4 * width;
  }
  return pairs;
}

/** Into the scratch arrays. */
function unpackPairs(words: Uint32Array, at: number, width: number, count: number): void {
  if (width === 0) return;
  if (width <= 32) {
    unpackWords(words, at, width, count, lowScratch, 0);
    highScratch.fill(0, 0, count);
    return;
  }
  lowScratch.set(words.subarray(at, at + count));
  if (width > 32) unpackWords(words, at + count, width - 32, count, highScratch, 0);
}

function shiftUp(pairs: Uint32Array, from: number, count: number, zeros: number): void {
  for (let i = 0; i < count; i++) {
    const low = lowScratch[i]!;
    const high = highScratch[i]!;
    const at = 2 * (from + i);
    if (zeros === 0) {
      pairs[at] = low;
      pairs[at + 1] = high;
    } else if (zeros < 32) {
      pairs[at] = low << zeros;
      pairs[at + 1] = (high << zeros) | (low >>> (32 - zeros));
    } else {
      pairs[at + 1] = low << (zeros - 32);
    }
  }
}
