/** How much of a log's end fits into a number of bytes. */

import type { SegmentInfo } from './log-reader.ts';

/** `segments`: oldest first. The number of the oldest that, with all behind it, weighs at most so much; `none` = none does. */
export function firstWithin(segments: readonly SegmentInfo[], bytes: number, none: number): number {
  let rest = bytes;
  let first = none;
  for (const { number, sizeBytes } of [...segments].reverse()) {
    rest -= sizeBytes;
    if (rest < 0) break;
    first = number;
  }
  return first;
}
