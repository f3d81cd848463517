/**
 * Gives the memory of dropped buffers back early.
 *
 * V8 frees a buffer that died young with the next collection of young objects, but only its small handle counts
 * towards that one; its bytes count towards the next collection of the whole heap. A node that takes 80 MB/s of
 * bodies and frames therefore went over its whole heap several times a second, for buffers that a collection of
 * young objects gives back in a millisecond: a quarter of all CPU of a load. So that one is asked for every few
 * megabytes. Where the runtime does not offer it, nothing happens.
 */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = (options: { readonly type: 'minor' }) => void;

const stepBytes = 8 * 1024 * 1024;

/** The flag makes new contexts have a function `gc`, and does nothing else. */
function findCollect(): Collect {
  setFlagsFromString('--expose-gc');
  const found: unknown = runInNewContext('globalThis.gc');
  return typeof found === 'function' ? (found as Collect) : () => undefined;
}

let collect: Collect | undefined;
let droppedBytes = 0;

/** Of this thread. */
export function noteDropped(bytes: number): void {
  droppedBytes += bytes;
  if (droppedBytes < stepBytes) return;
  droppedBytes = 0;
  collect ??= findCollect();
  collect({ type: 'minor' });
}
