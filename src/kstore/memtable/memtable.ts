/** Entries that are in no file yet: frames as they came, and per table which entry of a key is the newest. */

import type { KvFrame } from '../../model/kv-frame.ts';
import { SortedRuns } from './sorted-runs.ts';
import { type MemFrame, TableCells } from './table-cells.ts';

/** Objects and views around a frame, roughly. */
const frameOverhead = 400;

export interface MemTablePart {
  readonly cells: TableCells;
  readonly runs: SortedRuns;
}

export class Memtable {
  /** By the store's number of the table. */
  readonly parts = new Map<number, MemTablePart>();
  lastLsn = 0;
  /** Least and greatest stamp of all that is here, overwritten entries included. */
  hlcMin = Number.POSITIVE_INFINITY;
  hlcMax = 0;
  #frameBytes = 0;
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** Of keys that are here, each once. */
  get rowCount(): number {
    let sum = 0;
    for (const { cells } of this.parts.values()) sum += cells.count;
    return sum;
  }

  /** Of the frames as they came. */
  get frameBytes(): number {
    return this.#frameBytes;
  }

  get isEmpty(): boolean {
    return this.parts.size === 0;
  }

  get bytes(): number {
    let sum = this.#frameBytes;
    for (const { cells, runs } of this.parts.values()) sum += cells.indexBytes + runs.indexBytes;
    return sum;
  }

  add(table: number, frame: KvFrame, stamp: Pick<MemFrame, 'hlc' | 'origin'>): void {
    let part = this.parts.get(table);
    if (part === undefined) {
      const cells = new TableCells(this.#seed);
      part = { cells, runs: new SortedRuns(cells) };
      this.parts.set(table, part);
    }
    const { bytes, entries, entryCount } = frame;
    const { hlc, origin } = stamp;
    this.hlcMin = Math.min(this.hlcMin, hlc);
    this.hlcMax = Math.max(this.hlcMax, hlc);
    this.#frameBytes += bytes.length + frameOverhead;
    part.cells.add({ bytes, entries, entryCount, hlc, origin });
  }
}
