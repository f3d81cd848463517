/**
 * Digest of cells: a 128-bit hash of each (series and field, time, bits of the value), summed in two lanes of 64
 * bits, so that neither order nor place counts. The hash mixes the 16 bytes of time and value as MurmurHash3 x86-128
 * mixes its last block, into words made by XXH64 of series key, field and type: for one field of one series no two
 * cells have the same.
 *
 * Replicas compare these: a change of what is hashed is a change of protocol.
 */

import { ByteWriter } from '../../base/bytes.ts';
import { hash64Into } from '../../base/hash.ts';
import { encodeText } from '../../base/text.ts';
import type { Column } from '../../model/column.ts';
import { type FieldType, typeCode } from '../../model/field-type.ts';

const two32 = 4294967296;

/** Two sums of 64 bits as words: [low, high, low, high], and how many cells. */
export class CellSum {
  readonly words = new Float64Array(4);
  cells = 0;

  /** `sums`: four sums of 32-bit hash words, each below 2^53. */
  add(sums: Float64Array, cells: number): void {
    const { words } = this;
    for (let lane = 0; lane < 4; lane += 2) {
      const low = words[lane]! + sums[lane]!;
      words[lane] = low % two32;
      words[lane + 1] = (words[lane + 1]! + sums[lane + 1]! + Math.floor(low / two32)) % two32;
    }
    this.cells += cells;
  }

  /** 32 hex digits. */
  toHex(): string {
    const hex = (i: number) => this.words[i]!.toString(16).padStart(8, '0');
    return hex(1) + hex(0) + hex(3) + hex(2);
  }
}

const seedScratch = new ByteWriter(1024);

/** Four words for one field of one series. */
export function cellSeed(
  key: Uint8Array,
  field: { readonly name: string; readonly type: FieldType },
  out: Uint32Array,
): void {
  for (let variant = 0; variant < 2; variant++) {
    seedScratch.clear();
    seedScratch.u8(variant);
    seedScratch.u8(typeCode[field.type]);
    seedScratch.varint(key.length);
    seedScratch.put(key);
    seedScratch.put(encodeText(field.name));
    hash64Into(seedScratch.written(), out, variant * 2);
  }
}

/**
 * Words of `start + offset` for each row, low then high, already mixed: a row has many fields. Offsets are below
 * 91 days, so sums are exact.
 */
export function mixedTimes(start: bigint, offsets: Float64Array): Int32Array {
  const low = Number(BigInt.asUintN(32, start));
  const high = Number(start >> 32n);
  const words = new Int32Array(offsets.length * 2);
  for (let i = 0; i < offsets.length; i++) {
    const sum = low + offsets[i]!;
    const carry = Math.floor(sum / two32);
    const k1 = Math.imul(sum - carry * two32, 0x239b961b);
    const k2 = Math.imul(high + carry, 0xab0e9789);
    words[2 * i] = Math.imul((k1 << 15) | (k1 >>> 17), 0xab0e9789);
    words[2 * i + 1] = Math.imul((k2 << 16) | (k2 >>> 16), 0x38b34ae5);
  }
  return words;
}

function wordsOfPlain(values: Float64Array): Uint32Array {
  const words = new Uint32Array(values.length * 2);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    const high = Math.floor(value / two32);
    words[2 * i] = value - high * two32;
    words[2 * i + 1] = high;
  }
  return words;
}

function viewWords(values: Float64Array | BigInt64Array | BigUint64Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length * 2);
}

const wordHash = new Uint32Array(2);

/** 64 bits for each row's value, low word first. */
export function valueWords(column: Column): Uint32Array {
  switch (column.type) {
    case 'float':
      return viewWords(column.values);
    case 'integer':
    case 'unsigned':
      return column.values instanceof Float64Array
        ? wordsOfPlain(column.values)
        : viewWords(column.values);
    case 'boolean': {
      const words = new Uint32Array(column.values.length * 2);
      for (let i = 0; i < column.values.length; i++) words[2 * i] = column.values[i]!;
      return words;
    }
    case 'string': {
      const { codes, dictionary } = column;
      const hashes = new Uint32Array(dictionary.length * 2);
      dictionary.forEach((text, code) => {
        hash64Into(encodeText(text), wordHash);
        hashes.set(wordHash, code * 2);
      });
      const words = new Uint32Array(codes.length * 2);
      for (let i = 0; i < codes.length; i++) {
        words[2 * i] = hashes[codes[i]! * 2]!;
        words[2 * i + 1] = hashes[codes[i]! * 2 + 1]!;
      }
      return words;
    }
  }
}

/** Cells of one column; `valid` undefined = all. Rows [from, until) count, fewer than 2^20. */
export interface CellRun {
  /** `mixedTimes`. */
  readonly times: Int32Array;
  readonly values: Uint32Array;
  readonly valid: Uint8Array | undefined;
  readonly from: number;
  readonly until: number;
}

/** Adds the hash words of all cells to `sums`; returns how many there were. */
export function sumCells(run: CellRun, seed: Uint32Array, sums: Float64Array): number {
  const { times, values, valid, from, until } = run;
  const seed1 = seed[0]! | 0;
  const seed2 = seed[1]! | 0;
  const seed3 = seed[2]! | 0;
  const seed4 = seed[3]! | 0;
  let sum1 = 0;
  let sum2 = 0;
  let sum3 = 0;
  let sum4 = 0;
  let count = 0;
  for (let i = from; i < until; i++) {
    if (valid !== undefined && valid[i] === 0) continue;
    count++;
    let k3 = Math.imul(values[2 * i]!, 0x38b34ae5);
    k3 = Math.imul((k3 << 17) | (k3 >>> 15), 0xa1e38b93);
    let k4 = Math.imul(values[2 * i + 1]!, 0xa1e38b93);
    k4 = Math.imul((k4 << 18) | (k4 >>> 14), 0x239b961b);
    let h2 = seed2 ^ times[2 * i + 1]!;
    let h3 = seed3 ^ k3;
    let h4 = seed4 ^ k4;
    let h1 = ((seed1 ^ times[2 * i]!) + h2 + h3 + h4) | 0;
    h2 = finalMix((h2 + h1) | 0);
    h3 = finalMix((h3 + h1) | 0);
    h4 = finalMix((h4 + h1) | 0);
    h1 = (finalMix(h1) + h2 + h3 + h4) | 0;
    sum1 += h1 >>> 0;
    sum2 += (h2 + h1) >>> 0;
    sum3 += (h3 + h1) >>> 0;
    sum4 += (h4 + h1) >>> 0;
  }
  sums[0] = sums[0]! + sum1;
  sums[1] = sums[1]! + sum2;
  sums[2] = sums[2]! + sum3;
  sums[3] = sums[3]! + sum4;
  return count;
}

function finalMix(word: number): number {
  let h = word ^ (word >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}
