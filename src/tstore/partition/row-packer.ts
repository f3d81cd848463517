/**
 * Packs encoded chunks into rows: neighbours by series share a row up to 4 KiB, so that a million
 * series of one point are not a million rows; a larger chunk has a row of its own.
 */

import { crc32 } from 'node:zlib';
import { ByteWriter } from '../../base/bytes.ts';
import type { StoredRow } from './chunk-directory.ts';
import type { ChunkEntry } from './row-entries.ts';

/** A little less than half a page of the file, so that two fit. */
const rowSizeMax = 4064;

export interface PackedRows {
  readonly rows: readonly StoredRow[];
  /** Bytes of all rows end to end, in their own buffer. */
  readonly bytes: Uint8Array;
  readonly ends: Float64Array;
}

export class RowPacker {
  private readonly out = new ByteWriter(64 * 1024);
  private readonly rows: StoredRow[] = [];
  private readonly ends: number[] = [];
  private chunks: ChunkEntry[] = [];
  private start = 0;
  private nextNo: number;

  constructor(firstNo: number) {
    this.nextNo = firstNo;
  }

  /** Chunks must come by series id and first offset. `entry.size` is the size of `bytes`. */
  add(entry: ChunkEntry, bytes: Uint8Array): void {
    if (this.chunks.length > 0 && this.out.size - this.start + bytes.length > rowSizeMax) {
      this.closeRow();
    }
    this.out.put(bytes);
    this.chunks.push(entry);
  }

  get size(): number {
    return this.out.size;
  }

  get isEmpty(): boolean {
    return this.out.size === 0;
  }

  finish(): PackedRows {
    if (this.chunks.length > 0) this.closeRow();
    return { rows: this.rows, bytes: this.out.finish(), ends: Float64Array.from(this.ends) };
  }

  private closeRow(): void {
    const dataSum = crc32(this.out.bytes.subarray(this.start, this.out.size));
    this.rows.push({ no: this.nextNo++, dataSum, chunks: this.chunks });
    this.ends.push(this.out.size);
    this.chunks = [];
    this.start = this.out.size;
  }
}
