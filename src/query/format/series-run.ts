/** The series of one result, opened and closed in a document as their pieces arrive. */

import type { SeriesPiece } from '../result.ts';
import type { RowBudget } from './row-budget.ts';
import { isSameSeries } from './same-series.ts';

/** InfluxDB's inner chunk: a longer series is marked partial although it is complete (1.6 and 1.8). */
const innerChunkRows = 10_000;

/** What a document of any format does at the edges of a series. */
interface SeriesDocument {
  openSeries(piece: SeriesPiece): void;
  closeSeries(isPartial: boolean): void;
}

export class SeriesRun {
  readonly #document: SeriesDocument;
  readonly #budget: RowBudget;
  #open: SeriesPiece | undefined;
  #rowCount = 0;
  #isCut = false;

  constructor(document: SeriesDocument, budget: RowBudget) {
    this.#document = document;
    this.#budget = budget;
  }

  /** True once rows were left out of the open series: no more pieces are wanted. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** How many rows of `piece` to write; undefined: none, the budget was spent before it. */
  take(piece: SeriesPiece): number | undefined {
    const isSame = this.#open !== undefined && isSameSeries(this.#open, piece);
    if (this.#budget.isSpent) {
      this.#isCut = isSame;
      return undefined;
    }
    if (!isSame) {
      this.end();
      this.#document.openSeries(piece);
      this.#open = piece;
      this.#rowCount = 0;
    }
    const count = this.#budget.take(piece.rowCount);
    this.#rowCount += count;
    this.#isCut = count < piece.rowCount;
    return count;
  }

  /** Closes the open series, if there is one. */
  end(): void {
    if (this.#open === undefined) return;
    const isMarked = this.#rowCount > innerChunkRows && this.#open.isWhole !== true;
    this.#document.closeSeries(this.#isCut || isMarked);
    this.#open = undefined;
  }
}
