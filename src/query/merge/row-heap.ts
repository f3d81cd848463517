/**
 * Which of several row runs has the next row, by time and then by rank of its series. A binary heap
 * over member numbers; times are compared by their 32-bit halves, so that no BigInt is made.
 */

export class RowHeap {
  readonly #descending: boolean;
  readonly #heap: number[] = [];
  /** Per member: halves of its times, rank per series, series per row, position, end. */
  readonly #words: Int32Array[] = [];
  readonly #ranks: Uint32Array[] = [];
  readonly #series: Uint32Array[] = [];
  readonly #at: number[] = [];
  readonly #end: number[] = [];

  constructor(descending: boolean) {
    this.#descending = descending;
  }

  get size(): number {
    return this.#heap.length;
  }

  get top(): number {
    return this.#heap[0]!;
  }

  /** The next row of the member on top. */
  get topRow(): number {
    return this.#at[this.#heap[0]!]!;
  }

  setRows(member: number, times: BigInt64Array, seriesOfRow: Uint32Array): void {
    this.#words[member] = new Int32Array(times.buffer, times.byteOffset, times.length * 2);
    this.#series[member] = seriesOfRow;
    this.#at[member] = 0;
    this.#end[member] = times.length;
  }

  setRanks(member: number, ranks: Uint32Array): void {
    this.#ranks[member] = ranks;
  }

  /** Orders the members anew: after rows or ranks were set. */
  arrange(members: readonly number[]): void {
    this.#heap.length = 0;
    for (const member of members) this.#heap.push(member);
    for (let i = (this.#heap.length >> 1) - 1; i >= 0; i--) this.#sink(i);
  }

  /** Steps past the row on top; false when its member has none left (it stays on top). */
  step(): boolean {
    const member = this.#heap[0]!;
    const at = this.#at[member]! + 1;
    this.#at[member] = at;
    if (at === this.#end[member]) return false;
    this.#sink(0);
    return true;
  }

  #sink(start: number): void {
    const heap = this.#heap;
    const member = heap[start]!;
    let at = start;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && this.#isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!this.#isBefore(heap[child]!, member)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = member;
  }

  #isBefore(a: number, b: number): boolean {
    const rowA = this.#at[a]!;
    const rowB = this.#at[b]!;
    const wordsA = this.#words[a]!;
    const wordsB = this.#words[b]!;
    const high = wordsA[2 * rowA + 1]! - wordsB[2 * rowB + 1]!;
    if (high !== 0) return high < 0 !== this.#descending;
    const low = (wordsA[2 * rowA]! >>> 0) - (wordsB[2 * rowB]! >>> 0);
    if (low !== 0) return low < 0 !== this.#descending;
    const rank =
      this.#ranks[a]![this.#series[a]![rowA]!]! - this.#ranks[b]![this.#series[b]![rowB]!]!;
    return rank === 0 ? a < b : rank < 0 !== this.#descending;
  }
}
