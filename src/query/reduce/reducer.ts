/**
 * Aggregation here, over rows that streamed in: for functions whose partials do not merge, for values
 * that must be converted first and for windows of uneven length. A reducer sees the rows of one window
 * in time order (descending queries: reversed), in slices of frames, then is asked for its answer and starts over.
 */

import type { Value } from '../columns/column-builder.ts';
import type { Frame } from '../frame.ts';

/** One row of a window's answer. */
export interface ReducedRow {
  /** Undefined = null. */
  readonly value: Value | undefined;
  /** Where a selector picked it; undefined for others. */
  readonly frame: Frame | undefined;
  readonly row: number;
}

export interface Reducer {
  /** Rows [from, until) of the frame belong to the open window. */
  add(frame: Frame, from: number, until: number): void;
  /** Rows of the window's answer, none when no value was seen. Starts the next window. */
  finish(): readonly ReducedRow[];
  /** Bytes of what it keeps of the open window, roughly; undefined = next to nothing. */
  readonly heldBytes?: number;
}

export function answerOf(value: Value | undefined): readonly ReducedRow[] {
  return [{ value, frame: undefined, row: 0 }];
}

export const noAnswer: readonly ReducedRow[] = [];
