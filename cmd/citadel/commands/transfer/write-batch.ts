/** Lines on their way to a server: one request, which may have to be cut when some of it is refused. */

import { findLineEnd } from '../../../../src/lineprotocol/line-splitter.ts';

export interface WriteBatch {
  readonly body: Uint8Array;
  /** Every line is one point. */
  readonly count: number;
  /** Where line i comes from, for people: `line 17`. */
  readonly placeOf: (index: number) => string;
}

/** [from, until) of the batch's lines, as a batch. */
export function cutBatch(batch: WriteBatch, from: number, until: number): WriteBatch {
  const { body, placeOf } = batch;
  let at = 0;
  let start = 0;
  for (let line = 0; line < until; line++) {
    if (line === from) start = at;
    at = Math.min(body.length, findLineEnd(body, at) + 1);
  }
  return {
    body: body.subarray(start, at),
    count: until - from,
    placeOf: (index) => placeOf(from + index),
  };
}
