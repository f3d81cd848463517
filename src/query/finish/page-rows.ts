/** LIMIT and OFFSET over the frames of one series. */

import { sliceFrame } from '../columns/row-view.ts';
import type { Frame } from '../frame.ts';

export class RowPage {
  #skip: number;
  #left: number;

  /** A limit of 0 = none. */
  constructor(limit: number, offset: number) {
    this.#skip = offset;
    this.#left = limit > 0 ? limit : Number.POSITIVE_INFINITY;
  }

  /** Nothing that follows is wanted. */
  get isDone(): boolean {
    return this.#left === 0;
  }

  /** What of the frame is on the page; undefined = nothing. */
  take(frame: Frame): Frame | undefined {
    const skipped = Math.min(this.#skip, frame.rowCount);
    this.#skip -= skipped;
    const taken = Math.min(this.#left, frame.rowCount - skipped);
    this.#left -= taken;
    return taken === 0 ? undefined : sliceFrame(frame, skipped, skipped + taken);
  }
}
