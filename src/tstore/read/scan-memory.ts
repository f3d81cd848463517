/** How much a scan reads in one go and what it says it holds, from the account it was given. */

import { HeldMemory, type MemoryAccount } from '../../base/memory-budget.ts';
import type { GroupScan } from '../../scan/scan.ts';

/** Of the rows of one slice as they are gathered. */
const sliceBytes = { min: 64 * 1024, max: 8 * 1024 * 1024 };
/** A slice takes no more than this part of what is left: others come after it. */
const shareOfFree = 1 / 16;
/** Gathered rows are put in order and cut into blocks, windows are copied into blocks. */
export const copiesOfGroup = 3;
const rowsMin = 16;
/** Value and mask. */
const cellBytes = 9;
/** Time, series and place of a row. */
const rowBytes = 20;
/** Cells of one series that are resolved in one go. */
const cellsMax = 1_048_576;

/** What a stretch of time of a view costs, bytes. */
export const partitionBytes = 300;

/** How many rows of so many columns may be resolved at once. */
export function rowsForCells(columnCount: number, rowsMax: number): number {
  return Math.max(rowsMin, Math.min(rowsMax, Math.floor(cellsMax / Math.max(1, columnCount))));
}

export class ScanMemory {
  readonly account: MemoryAccount | undefined;
  readonly #groupHeld: HeldMemory;
  readonly #columnCount: number;
  /** Per row as seen so far: texts show their size only when they are read. */
  #bytesPerRow: number;

  constructor(account: MemoryAccount | undefined, columnCount: number) {
    this.account = account;
    this.#groupHeld = new HeldMemory(account);
    this.#columnCount = columnCount;
    this.#bytesPerRow = rowBytes + cellBytes * columnCount;
  }

  /** Rows of the next slice. */
  sliceRows(rowsMax: number): number {
    const free = this.account?.freeBytes ?? Number.POSITIVE_INFINITY;
    const share = (free * shareOfFree) / copiesOfGroup;
    const target = Math.max(sliceBytes.min, Math.min(sliceBytes.max, share));
    const fitting = Math.floor(target / this.#bytesPerRow);
    return Math.max(rowsMin, Math.min(rowsForCells(this.#columnCount, rowsMax), fitting));
  }

  /** After rows were added. @throws CitadelError `limit-exceeded` */
  note(group: GroupScan): void {
    this.#groupHeld.set(group.memoryBytes * copiesOfGroup);
  }

  /** Before the rows of a slice leave: what they weighed is a guide for the next one. */
  learn(group: GroupScan, rowCount: number): void {
    if (rowCount === 0) return;
    this.#bytesPerRow = Math.max(this.#bytesPerRow / 2, group.memoryBytes / rowCount, rowBytes);
  }

  /** The group's blocks have been taken. */
  release(): void {
    this.#groupHeld.free();
  }
}
