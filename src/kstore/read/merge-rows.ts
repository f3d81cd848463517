/** Rows of one table from all its sources, in order of the keys, of each key the one with the greatest stamp. */

import { compareParts, compareStamps } from '../memtable/table-cells.ts';
import type { RowSource } from './row-source.ts';

export class MergedRows {
  readonly #sources: readonly RowSource[];
  /** Sources at the current key. */
  readonly #current: RowSource[] = [];

  /** Deleted keys come too: whoever reads looks at `isDeleted`. */
  constructor(sources: readonly RowSource[]) {
    this.#sources = sources;
  }

  /** The next key's newest row, to be used before the next call; undefined = the end. @throws CitadelError `corrupt` */
  next(): RowSource | undefined {
    const current = this.#current;
    for (const source of current) source.next();
    current.length = 0;
    let least: RowSource | undefined;
    for (const source of this.#sources) {
      if (!source.isOpen) continue;
      const order = least === undefined ? -1 : compareKeys(source, least);
      if (order > 0) continue;
      if (order < 0) current.length = 0;
      current.push(source);
      least = source;
    }
    if (current.length < 2) return least;
    return current.reduce((best, one) =>
      compareStamps(one.stamp(), best.stamp()) > 0 ? one : best,
    );
  }
}

function compareKeys(a: RowSource, b: RowSource): number {
  return compareParts(a.bytes, a.keyAt, a.keySize, b.bytes, b.keyAt, b.keySize);
}
