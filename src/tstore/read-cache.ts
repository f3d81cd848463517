/**
 * Rows of chunks that were read lately, with what was decoded of them, within a budget of bytes. The
 * stores of one thread share it. Rows are never changed under their number, so nothing goes stale.
 */

import type { Column } from '../model/column.ts';
import type { ChunkView } from './chunk/chunk.ts';

/** One chunk of a cached row, decoded as far as somebody asked. */
export interface CachedChunk {
  readonly view: ChunkView;
  /** Whether the cache holds it and what is decoded of it; else it goes with its reader. */
  readonly isKept: boolean;
  times: Float64Array | undefined;
  readonly columns: (Column | undefined)[];
}

export interface CachedRow {
  readonly bytes: Uint8Array;
  /** By offset in `bytes`. */
  readonly chunks: Map<number, CachedChunk>;
}

interface Entry {
  readonly row: CachedRow;
  size: number;
}

/** What an entry costs beside its bytes: maps, views, array headers. */
const entryOverhead = 600;

export class ReadCache {
  readonly budgetBytes: number;
  private usedBytes = 0;
  /** In order of use, the oldest first. Key: file serial * 2^32 + row number, exact below 2^53. */
  private readonly entries = new Map<number, Entry>();

  constructor(budgetBytes: number) {
    this.budgetBytes = budgetBytes;
  }

  get memoryBytes(): number {
    return this.usedBytes;
  }

  get(key: number): CachedRow | undefined {
    const entry = this.entries.get(key);
    if (entry === undefined) return undefined;
    this.entries.delete(key);
    this.entries.set(key, entry);
    return entry.row;
  }

  put(key: number, row: CachedRow): void {
    this.drop(key);
    const size = row.bytes.byteLength + entryOverhead;
    this.entries.set(key, { row, size });
    this.usedBytes += size;
    this.shrink();
  }

  /** Something of `bytes` size was decoded for a cached row. */
  grow(key: number, bytes: number): void {
    const entry = this.entries.get(key);
    if (entry === undefined) return;
    entry.size += bytes;
    this.usedBytes += bytes;
    this.shrink();
  }

  drop(key: number): void {
    const entry = this.entries.get(key);
    if (entry === undefined) return;
    this.entries.delete(key);
    this.usedBytes -= entry.size;
  }

  private shrink(): void {
    for (const key of this.entries.keys()) {
      if (this.usedBytes <= this.budgetBytes) return;
      this.drop(key);
    }
  }
}
