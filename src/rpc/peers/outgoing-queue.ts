/**
 * Messages that wait for a peer: bounded in bytes, one always taken. What does not fit is dropped, for
 * replication pulls what was lost; waiting would hold up those who are well.
 */

import type { PeerMessage } from '../peer-api.ts';
import { sizeInBatch } from '../wire/peer-batch.ts';

const queueBytesMax = 16 * 1024 * 1024;
/** Large enough that a batch costs little, small enough that an answer is soon seen as a sign of life. */
const batchBytesMax = 256 * 1024;

export class OutgoingQueue {
  #messages: PeerMessage[] = [];
  #bytes = 0;
  #dropped = 0;

  get isEmpty(): boolean {
    return this.#messages.length === 0;
  }

  /** Messages dropped so far. */
  get dropped(): number {
    return this.#dropped;
  }

  add(messages: readonly PeerMessage[]): void {
    for (const message of messages) {
      const size = sizeInBatch(message);
      if (this.#bytes > 0 && this.#bytes + size > queueBytesMax) {
        this.#dropped++;
        continue;
      }
      this.#messages.push(message);
      this.#bytes += size;
    }
  }

  /** The next messages, in order: as many as make a batch, at least one. */
  take(): PeerMessage[] {
    let bytes = 0;
    let count = 0;
    for (const message of this.#messages) {
      const size = sizeInBatch(message);
      if (count > 0 && bytes + size > batchBytesMax) break;
      bytes += size;
      count++;
    }
    this.#bytes -= bytes;
    return this.#messages.splice(0, count);
  }
}
