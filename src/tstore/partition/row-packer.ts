/**
 * Packs encoded chunks into rows: neighbours by series share a row up to 4 KiB, so that a million
 * series of one point are not a million rows; a larger chunk has a row of its own. Directory rows and
 * the layer for memory are made along the way, so that a large flush has no long last step.
 */

import { crc32 } from 'node:zlib';
import { ByteWriter } from '../../base/bytes.ts';
import { type DirectoryLayer, LayerBuilder } from './chunk-directory.ts';
import { partitionTable } from './partition-schema.ts';
import { rowSum } from './row-digest.ts';
import { type ChunkEntry, encodeRowEntries } from './row-entries.ts';

/** A little less than half a page of the file, so that two fit. */
const rowSizeMax = 4064;

/** Byte strings end to end: string i ends at `ends[i]`; `bytes` may be longer than the last end. */
export interface PackedBytes {
  readonly bytes: Uint8Array;
  readonly ends: Float64Array;
}

export interface PackedRows {
  readonly nos: readonly number[];
  /** Directory rows and their checksums. */
  readonly entries: PackedBytes;
  readonly sums: readonly number[];
  readonly data: PackedBytes;
  readonly layers: readonly DirectoryLayer[];
}

export class RowPacker {
  private readonly data = new ByteWriter(64 * 1024);
  private readonly dataEnds: number[] = [];
  private readonly entries = new ByteWriter(16 * 1024);
  private readonly entryEnds: number[] = [];
  private readonly sums: number[] = [];
  private readonly nos: number[] = [];
  private readonly layers = new LayerBuilder();
  private chunks: ChunkEntry[] = [];
  private start = 0;
  private nextNo: number;

  constructor(firstNo: number) {
    this.nextNo = firstNo;
  }

  /** Chunks must come by series id and first offset. `entry.size` is the size of `bytes`. */
  add(entry: ChunkEntry, bytes: Uint8Array): void {
    if (this.chunks.length > 0 && this.data.size - this.start + bytes.length > rowSizeMax) {
      this.closeRow();
    }
    this.data.put(bytes);
    this.chunks.push(entry);
  }

  get isEmpty(): boolean {
    return this.data.size === 0;
  }

  finish(): PackedRows {
    if (this.chunks.length > 0) this.closeRow();
    const { data, entries, nos, sums } = this;
    return {
      nos,
      sums,
      entries: { bytes: entries.bytes, ends: Float64Array.from(this.entryEnds) },
      data: { bytes: data.bytes, ends: Float64Array.from(this.dataEnds) },
      layers: this.layers.finish(),
    };
  }

  private closeRow(): void {
    const no = this.nextNo++;
    const dataSum = crc32(this.data.bytes.subarray(this.start, this.data.size));
    const entry = encodeRowEntries({ dataSum, chunks: this.chunks });
    this.nos.push(no);
    this.sums.push(rowSum(partitionTable.rows, no, entry));
    this.entries.put(entry);
    this.entryEnds.push(this.entries.size);
    this.dataEnds.push(this.data.size);
    this.layers.addRow(no, dataSum, this.chunks);
    this.chunks = [];
    this.start = this.data.size;
  }
}
