/**
 * The cells of one table in order of their keys, for scans and flushes: a few sorted runs, each at least twice
 * as long as the next, so that a scan after every write sorts only what came since the last one.
 */

import { Pacer } from '../store/pacer.ts';
import { sortCells } from './sort-cells.ts';
import type { TableCells } from './table-cells.ts';

const cellsPerLook = 4096;
/** Cells that came after the last run: fewer are cheaper to keep apart than to merge. */
const growth = 2;

/** Cell numbers by key. */
export type Run = Uint32Array;

async function mergeRuns(cells: TableCells, a: Run, b: Run, pacer: Pacer): Promise<Run> {
  const merged = new Uint32Array(a.length + b.length);
  let i = 0;
  let j = 0;
  for (let at = 0; at < merged.length; at++) {
    const takesA = j === b.length || (i < a.length && cells.compare(a[i]!, b[j]!) < 0);
    merged[at] = takesA ? a[i++]! : b[j++]!;
    if (at % cellsPerLook === 0 && pacer.isDue) await pacer.breathe();
  }
  return merged;
}

export class SortedRuns {
  readonly #cells: TableCells;
  #runs: readonly Run[] = [];
  #sortedCount = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(cells: TableCells) {
    this.#cells = cells;
  }

  get indexBytes(): number {
    return this.#sortedCount * 4;
  }

  /**
   * Runs over all cells there were at the call, and maybe more; the arrays never change. `env`: whose time it takes; it
   * is finished whatever becomes of the caller, for the next one needs it too.
   */
  take(env: ConstructorParameters<typeof Pacer>[0]): Promise<readonly Run[]> {
    const until = this.#cells.count;
    const turn = this.#turn.then(() => this.#grow(until, new Pacer(env)));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #grow(until: number, pacer: Pacer): Promise<readonly Run[]> {
    if (until <= this.#sortedCount) return this.#runs;
    const runs = [...this.#runs];
    let last = await sortCells(this.#cells, this.#sortedCount, until, pacer);
    while (runs.length > 0 && runs.at(-1)!.length < last.length * growth) {
      last = await mergeRuns(this.#cells, runs.pop()!, last, pacer);
    }
    runs.push(last);
    this.#runs = runs;
    this.#sortedCount = until;
    return runs;
  }
}
