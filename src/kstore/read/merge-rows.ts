/**
 * Rows from all their sources, in order of the keys, of each key the one with the greatest stamp: a heap of
 * sources, the one with the least key on top.
 */

import { compareStamps } from '../memtable/table-cells.ts';
import { compareKeys, type RowSource } from './row-source.ts';

export class MergedRows {
  readonly #heap: RowSource[] = [];
  /** Sources at the current key, out of the heap; the usual one alone stays on its top. */
  readonly #apart: RowSource[] = [];
  #isStarted = false;

  /** Deleted keys come too: whoever reads looks at `isDeleted`. */
  constructor(sources: readonly RowSource[]) {
    for (const source of sources) if (source.isOpen) this.#push(source);
  }

  /** The next key's newest row, to be used before the next call; undefined = the end. @throws CitadelError `corrupt` */
  next(): RowSource | undefined {
    this.#leaveCurrent();
    const heap = this.#heap;
    const top = heap[0];
    if (top === undefined || !this.#hasEqual()) return top;
    let best = top;
    do {
      const one = this.#pop();
      this.#apart.push(one);
      if (compareStamps(one.stamp(), best.stamp()) > 0) best = one;
    } while (heap.length > 0 && compareKeys(heap[0]!, top) === 0);
    return best;
  }

  #leaveCurrent(): void {
    if (!this.#isStarted) {
      this.#isStarted = true;
      return;
    }
    if (this.#apart.length > 0) {
      for (const source of this.#apart) {
        source.next();
        if (source.isOpen) this.#push(source);
      }
      this.#apart.length = 0;
      return;
    }
    const top = this.#heap[0];
    if (top === undefined) return;
    top.next();
    if (top.isOpen) this.#sink();
    else this.#pop();
  }

  /** Whether another source is at the key on top: it is a child of it then. */
  #hasEqual(): boolean {
    const heap = this.#heap;
    const top = heap[0]!;
    return (
      (heap.length > 1 && compareKeys(heap[1]!, top) === 0) ||
      (heap.length > 2 && compareKeys(heap[2]!, top) === 0)
    );
  }

  #push(source: RowSource): void {
    const heap = this.#heap;
    let at = heap.push(source) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (compareKeys(heap[parent]!, source) <= 0) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = source;
  }

  #pop(): RowSource {
    const heap = this.#heap;
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length > 0) {
      heap[0] = last;
      this.#sink();
    }
    return top;
  }

  /** The source on top has moved on. */
  #sink(): void {
    const heap = this.#heap;
    const source = heap[0]!;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && compareKeys(heap[child + 1]!, heap[child]!) < 0) child++;
      if (compareKeys(source, heap[child]!) <= 0) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = source;
  }
}
