/** What a frame holds, bytes, roughly. */

import type { Frame } from '../frame.ts';
import { columnSize } from './meter-blocks.ts';

export function frameSize({ times, columns }: Frame): number {
  let size = times.byteLength;
  for (const column of columns) size += columnSize(column);
  return size;
}
