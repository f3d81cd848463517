/** The store under a simulated replica: last-write-wins cells with stamps, and range tombstones. */

import type { Entry } from '../../src/model/entry.ts';
import type { Versions } from '../../src/replication/version-vector.ts';
import type { Op } from './operations.ts';

export interface Stamp {
  readonly hlc: number;
  readonly origin: string;
}

export interface Cell extends Stamp {
  readonly op: number;
}

export interface Tombstone extends Stamp {
  readonly op: number;
  readonly low: number;
  readonly high: number;
}

/** What a store had when it was last flushed; never changed afterwards. */
export interface StoreImage {
  readonly cells: ReadonlyMap<number, Cell>;
  readonly tombstones: readonly Tombstone[];
  readonly versions: Versions;
  readonly hlcMax: number;
  readonly replayFrom: number;
}

export const emptyImage: StoreImage = {
  cells: new Map(),
  tombstones: [],
  versions: {},
  hlcMax: 0,
  replayFrom: 0,
};

export function isNewer(a: Stamp, b: Stamp): boolean {
  return a.hlc > b.hlc || (a.hlc === b.hlc && a.origin > b.origin);
}

/** What a read sees: the operation that decides the cell, and whether it is a value. */
export interface Sight {
  /** Undefined: never written or deleted. */
  readonly stamp: Stamp | undefined;
  /** Index of the write whose value is visible. */
  readonly op: number | undefined;
}

export class SimStore {
  cells = new Map<number, Cell>();
  tombstones: Tombstone[] = [];
  /** Planted: whatever comes last wins. */
  readonly #ignoresStamps: boolean;

  constructor(image: Pick<StoreImage, 'cells' | 'tombstones'>, ignoresStamps = false) {
    this.cells = new Map(image.cells);
    this.tombstones = [...image.tombstones];
    this.#ignoresStamps = ignoresStamps;
  }

  apply(entry: Entry, op: Op): void {
    const { hlc, origin } = entry;
    if (op.kind === 'delete') this.bury({ hlc, origin, op: op.index, low: op.low, high: op.high });
    else this.put(op.cell, { hlc, origin, op: op.index });
  }

  put(cell: number, value: Cell): void {
    const current = this.cells.get(cell);
    if (this.#ignoresStamps) {
      this.cells.set(cell, value);
      return;
    }
    const covering = this.#covering(cell);
    if (covering !== undefined && isNewer(covering, value)) return;
    if (current === undefined || isNewer(value, current)) this.cells.set(cell, value);
  }

  bury(tombstone: Tombstone): void {
    const { low, high, hlc, origin } = tombstone;
    const isKnown = this.tombstones.some((one) => one.hlc === hlc && one.origin === origin);
    if (!isKnown) this.tombstones.push(tombstone);
    for (const [cell, value] of this.cells) {
      if (low <= cell && cell < high && isNewer(tombstone, value)) this.cells.delete(cell);
    }
  }

  merge(image: Pick<StoreImage, 'cells' | 'tombstones'>): void {
    for (const tombstone of image.tombstones) this.bury(tombstone);
    for (const [cell, value] of image.cells) this.put(cell, value);
  }

  see(cell: number): Sight {
    const value = this.cells.get(cell);
    const covering = this.#covering(cell);
    if (value !== undefined && (covering === undefined || isNewer(value, covering))) {
      return { stamp: value, op: value.op };
    }
    return { stamp: covering, op: undefined };
  }

  /** Equal for stores that answer alike. */
  digest(): string {
    const seen: string[] = [];
    for (const [cell, value] of this.cells) {
      if (this.see(cell).op === value.op) seen.push(`${cell}=${value.op}`);
    }
    return seen.sort().join(' ');
  }

  #covering(cell: number): Tombstone | undefined {
    let newest: Tombstone | undefined;
    for (const tombstone of this.tombstones) {
      if (cell < tombstone.low || cell >= tombstone.high) continue;
      if (newest === undefined || isNewer(tombstone, newest)) newest = tombstone;
    }
    return newest;
  }
}
