/**
 * Frames of keys: a batch of puts and deletes of one table on its way, little-endian, with the header of
 * every WriteFrame (frame-layout.ts), so that log and replication carry it unchanged. Byte table:
 * docs/formats/kv-frame.md.
 *
 * ```
 * header (96 bytes), kind 3
 *  16 u64 XXH64 of the table's name      24 u64 0
 *  48 u32 0                52 u32 entry count     56 u32 entries with a value   60 u32 0   64 u32 0
 *  68 u32 offset of the entry table      72 i64 0       80 i64 0
 *  88 u32 offset of the table's name     92 u32 its size
 * entry table, 8-aligned: { u32 offset of key, u32 size, u32 offset of value, u32 size }*   (value size 0xffffffff = delete)
 * ```
 * A key may occur twice: the later entry counts.
 */

import { align8 } from '../base/bytes.ts';
import { CitadelError, invariant } from '../base/errors.ts';
import { hash64Hex } from '../base/hash.ts';
import { decodeText, encodeText } from '../base/text.ts';
import { type FrameHeader, readFrameHeader } from './frame-decode.ts';
import { type FrameTarget, sealFrame, writeFrameHeader, writeFrameTotals } from './frame-encode.ts';
import { frameHeaderSize, frameSizeMax } from './frame-layout.ts';
import { type ByteList, copyBytes, sizeOf, startOf } from './key-list.ts';
import { describeBadPair, kvTableNameSizeMax } from './kv-limits.ts';

export const kvEntrySize = 16;
/** In place of a value's size. */
export const deletedSize = 0xffffffff;
const noPolicy = '0000000000000000';

export interface KvTarget {
  readonly table: string;
  readonly shardCount: number;
  readonly shard: number;
}

/** Collects entries of one shard and table; `finish` writes them as one frame. */
export class KvFrameBuilder {
  readonly #target: KvTarget;
  readonly #name: Uint8Array;
  readonly #tableId: string;
  #bytes: Uint8Array;
  #size = 0;
  /** Per entry: start of the key in `#bytes`, key size, value size; the value follows the key. */
  #places: Uint32Array;
  #count = 0;
  #valueCount = 0;

  constructor(target: KvTarget, byteCapacity = 4096) {
    this.#target = target;
    this.#name = encodeText(target.table);
    this.#tableId = hash64Hex(this.#name);
    this.#bytes = new Uint8Array(byteCapacity);
    this.#places = new Uint32Array(3 * 64);
  }

  get count(): number {
    return this.#count;
  }

  /** Whether another entry would make the frame larger than it may be. */
  hasRoomFor(keySize: number, valueSize: number): boolean {
    if (this.#count === 0) return true;
    const tables = frameHeaderSize + (this.#count + 1) * kvEntrySize + this.#name.length + 8;
    return tables + this.#size + keySize + valueSize <= frameSizeMax;
  }

  /** Item `i` of keys and values that lie end to end; `isDelete`: only its key. */
  addFrom(keys: ByteList, values: ByteList, i: number, isDelete: boolean): void {
    const keySize = sizeOf(keys, i);
    const valueSize = isDelete ? 0 : sizeOf(values, i);
    const at = this.#place(keySize, valueSize, isDelete ? deletedSize : valueSize);
    copyBytes(keys.bytes, startOf(keys, i), keySize, this.#bytes, at);
    if (isDelete) return;
    copyBytes(values.bytes, startOf(values, i), valueSize, this.#bytes, at + keySize);
    this.#valueCount++;
  }

  put(key: Uint8Array, value: Uint8Array): void {
    const at = this.#place(key.length, value.length, value.length);
    copyBytes(key, 0, key.length, this.#bytes, at);
    copyBytes(value, 0, value.length, this.#bytes, at + key.length);
    this.#valueCount++;
  }

  delete(key: Uint8Array): void {
    const at = this.#place(key.length, 0, deletedSize);
    copyBytes(key, 0, key.length, this.#bytes, at);
  }

  #place(keySize: number, valueSize: number, statedSize: number): number {
    const at = this.#size;
    const end = at + keySize + valueSize;
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, at));
      this.#bytes = grown;
    }
    if (this.#count * 3 === this.#places.length) {
      const grown = new Uint32Array(this.#places.length * 2);
      grown.set(this.#places);
      this.#places = grown;
    }
    this.#places[this.#count * 3] = at;
    this.#places[this.#count * 3 + 1] = keySize;
    this.#places[this.#count * 3 + 2] = statedSize;
    this.#size = end;
    this.#count++;
    return at;
  }

  /** The frame in a buffer of its own; the builder is empty again. */
  finish(): Uint8Array<ArrayBuffer> {
    invariant(this.#count > 0, 'a frame of keys has entries');
    const table = frameHeaderSize;
    const nameAt = table + this.#count * kvEntrySize;
    const dataAt = nameAt + this.#name.length;
    const bytes = new Uint8Array(new ArrayBuffer(align8(dataAt + this.#size)));
    const view = new DataView(bytes.buffer);
    const { shard, shardCount } = this.#target;
    const target: FrameTarget = { dbId: this.#tableId, rpId: noPolicy, shard, shardCount };
    writeFrameHeader(view, target, 'kv');
    writeFrameTotals(view, {
      seriesCount: 0,
      rowCount: this.#count,
      cellCount: this.#valueCount,
      columnKeyCount: 0,
      columnKeysOffset: 0,
      seriesTableOffset: table,
    });
    view.setUint32(88, nameAt, true);
    view.setUint32(92, this.#name.length, true);
    const words = new Uint32Array(bytes.buffer, table, this.#count * 4);
    for (let i = 0; i < this.#count; i++) {
      const key = dataAt + this.#places[i * 3]!;
      const keySize = this.#places[i * 3 + 1]!;
      words[i * 4] = key;
      words[i * 4 + 1] = keySize;
      words[i * 4 + 2] = key + keySize;
      words[i * 4 + 3] = this.#places[i * 3 + 2]!;
    }
    bytes.set(this.#name, nameAt);
    bytes.set(this.#bytes.subarray(0, this.#size), dataAt);
    sealFrame(bytes);
    this.#count = 0;
    this.#size = 0;
    this.#valueCount = 0;
    return bytes;
  }
}

/** An opened frame: offsets into the whole frame, no object per entry. */
export interface KvFrame {
  readonly header: FrameHeader;
  readonly bytes: Uint8Array;
  readonly table: string;
  readonly entryCount: number;
  /** Four words an entry: key offset, key size, value offset, value size or `deletedSize`. */
  readonly entries: Uint32Array;
}

function corrupt(claim: string, offset: number): CitadelError {
  return new CitadelError('corrupt', `cannot read frame: ${claim}`, { details: { offset } });
}

function checkEntries(entries: Uint32Array, header: FrameHeader, table: number): void {
  let valueCount = 0;
  for (let at = 0; at < entries.length; at += 4) {
    const key = entries[at]!;
    const keySize = entries[at + 1]!;
    const value = entries[at + 2]!;
    const stated = entries[at + 3]!;
    const valueSize = stated === deletedSize ? 0 : stated;
    if (stated !== deletedSize) valueCount++;
    const isInside =
      key >= frameHeaderSize &&
      value >= frameHeaderSize &&
      key + keySize <= header.size &&
      value + valueSize <= header.size;
    if (!isInside) throw corrupt('an entry lies outside', table + at * 4);
    const bad = describeBadPair(keySize, valueSize);
    if (bad !== undefined) throw corrupt(bad, table + at * 4);
  }
  if (valueCount !== header.cellCount) throw corrupt('count of values differs', 56);
}

function checkZeros(words: Uint32Array): void {
  const isZero = [6, 7, 8, 12, 15, 16, 18, 19, 20, 21].every((at) => words[at] === 0);
  if (!isZero) throw corrupt('a field of the header that is always 0', 24);
}

/**
 * Reads a frame in place. `trusted` skips the checks for bytes that this process has checked before.
 * @throws CitadelError `corrupt`, `unsupported-version` (version, flag or kind of a later release)
 */
export function openKvFrame(source: Uint8Array, options: { trusted?: boolean } = {}): KvFrame {
  const trusted = options.trusted === true;
  const bytes = source.byteOffset % 8 === 0 ? source : source.slice();
  const header = readFrameHeader(bytes, { checksum: !trusted });
  if (header.kind !== 'kv') throw corrupt('it holds no keys', 44);
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const tableAt = words[17]!;
  const nameAt = words[22]!;
  const nameSize = words[23]!;
  const count = header.rowCount;
  if (!trusted) {
    const tableSize = count * kvEntrySize;
    if (tableAt % 8 !== 0 || tableAt < frameHeaderSize || tableAt + tableSize > header.size) {
      throw corrupt('entry table lies outside', 68);
    }
    if (nameAt < frameHeaderSize || nameAt + nameSize > header.size) {
      throw corrupt('name of the table lies outside', 88);
    }
    if (nameSize === 0 || nameSize > kvTableNameSizeMax) throw corrupt('name of the table', 92);
    if (count === 0) throw corrupt('it has no entries', 52);
    checkZeros(words);
  }
  const name = bytes.subarray(nameAt, nameAt + nameSize);
  const entries = words.subarray(tableAt / 4, tableAt / 4 + count * 4);
  if (!trusted) {
    if (hash64Hex(name) !== header.dbId) throw corrupt('id of the table differs', 16);
    checkEntries(entries, header, tableAt);
  }
  return { header, bytes, table: decodeText(name), entryCount: count, entries };
}
