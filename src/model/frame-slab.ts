/**
 * A home for small frames: copied end to end into large buffers, so that many small writes are not many
 * small buffers. A large frame that has a buffer of its own stays where it is.
 */

import { align8 } from '../base/bytes.ts';

const slabSize = 1024 * 1024;
const keptSizeMin = 64 * 1024;

export class FrameSlabs {
  private slab = new Uint8Array(0);
  private used = 0;

  /** The same bytes, at a multiple of 8, in memory that holds little else than frames. */
  keep(frame: Uint8Array): Uint8Array {
    const hasOwnBuffer = frame.byteLength * 2 > frame.buffer.byteLength;
    if (frame.byteLength >= keptSizeMin && hasOwnBuffer && frame.byteOffset % 8 === 0) return frame;
    if (frame.byteLength >= keptSizeMin) return frame.slice();
    if (this.used + frame.byteLength > this.slab.byteLength) {
      this.slab = new Uint8Array(slabSize);
      this.used = 0;
    }
    const kept = this.slab.subarray(this.used, this.used + frame.byteLength);
    kept.set(frame);
    this.used = align8(this.used + frame.byteLength);
    return kept;
  }

  /** The next frame starts a new slab: the old ones belong to a memtable that will go. */
  startAnew(): void {
    this.slab = new Uint8Array(0);
    this.used = 0;
  }
}
