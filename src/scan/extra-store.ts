/** The other columns of selected rows: per slot one cell, or none, of each extra of the plan. */

import type { Column } from '../model/column.ts';
import type { ColumnRef } from '../model/plan.ts';
import { CellStore, cellAt, compareCells, grownCapacity, hasCell } from './cell-store.ts';

/** Of an extra in a slot: flag and value. */
const extraBytes = 9;

export class ExtraStore {
  readonly #cells: readonly CellStore[];
  #valid: Uint8Array<ArrayBuffer>[];

  constructor(extras: readonly ColumnRef[]) {
    this.#cells = extras.map((extra) => new CellStore(extra.type));
    this.#valid = extras.map(() => new Uint8Array(0));
  }

  /** Bytes of flags, values and texts, roughly. */
  get heldBytes(): number {
    let held = 0;
    for (const [i, cells] of this.#cells.entries()) {
      held += this.#valid[i]!.length * extraBytes + cells.textBytes;
    }
    return held;
  }

  get isEmpty(): boolean {
    return this.#cells.length === 0;
  }

  ensure(slotCount: number): void {
    if (this.isEmpty || this.#valid[0]!.length >= slotCount) return;
    this.#valid = this.#valid.map((old) => {
      const grown = new Uint8Array(grownCapacity(old.length, slotCount));
      grown.set(old);
      return grown;
    });
    for (const cells of this.#cells) cells.ensure(this.#valid[0]!.length);
  }

  set(slot: number, columns: readonly (Column | undefined)[], row: number): void {
    for (let i = 0; i < this.#cells.length; i++) {
      const column = columns[i];
      const has = hasCell(column, row);
      this.#valid[i]![slot] = has ? 1 : 0;
      if (has) this.#cells[i]!.set(slot, cellAt(column, row));
    }
  }

  /** Order of a row's extras and the slot's: no cell goes before any. */
  compare(columns: readonly (Column | undefined)[], row: number, slot: number): number {
    for (let i = 0; i < this.#cells.length; i++) {
      const column = columns[i];
      const known = this.#valid[i]![slot] === 1;
      const has = hasCell(column, row);
      if (has !== known) return has ? 1 : -1;
      if (!has) continue;
      const order = compareCells(cellAt(column, row), this.#cells[i]!.get(slot));
      if (order !== 0) return order;
    }
    return 0;
  }

  /** Undefined for an extra that no slot has. */
  toColumns(slots: Uint32Array): (Column | undefined)[] {
    return this.#cells.map((cells, i) => {
      const valid = Uint8Array.from(slots, (slot) => this.#valid[i]![slot]!);
      if (!valid.includes(1)) return undefined;
      return cells.toColumn(slots, valid.includes(0) ? valid : undefined);
    });
  }
}
